// Made by `npm run messages` from the pydantic models in contracts/. Do not edit.

/**
 * The label that the person who records the capture gives it.
 */
export interface Annotation {
  intent: string;
}
/**
 * Tells the client that its capture ended without an artifact, and why.
 *
 * ``record_id`` is that of the ``capture.open``.
 */
export interface CaptureAbort {
  schema_version: string;
  record_id: string;
  user_id: string;
  session_id: string;
  timestamp: string;
  modality?: string | null;
  source: "camera_feed_worker";
  performer_id?: string | null;
  capture_id: string;
  event: "capture.abort";
  error_code:
    | "limit_duration_exceeded"
    | "limit_duration_too_short"
    | "limit_fps_exceeded"
    | "limit_resolution_exceeded"
    | "limit_frame_count_exceeded"
    | "limit_frame_bytes_exceeded"
    | "limit_total_bytes_exceeded"
    | "limit_forward_buffer_exceeded"
    | "protocol_violation"
    | "session_invalid"
    | "session_closed"
    | "duplicate_capture"
    | "invalid_frame"
    | "forward_failed"
    | "extraction_failed"
    | "server_shutdown"
    | "client_disconnected"
    | "gateway_lost"
    | "frames_lost";
}
/**
 * Ends the capture: all frames were sent.
 */
export interface CaptureClose {
  schema_version: string;
  record_id: string;
  user_id: string;
  session_id: string;
  timestamp: string;
  modality?: string | null;
  source?: string | null;
  performer_id?: string | null;
  capture_id: string;
  event: "capture.close";
  timestamp_end: string;
}
/**
 * Opens the one capture of a connection. Its ``record_id`` identifies the capture window.
 */
export interface CaptureOpen {
  schema_version: string;
  record_id: string;
  user_id: string;
  session_id: string;
  timestamp: string;
  modality?: string | null;
  source?: string | null;
  performer_id?: string | null;
  capture_id: string;
  event: "capture.open";
  timestamp_start: string;
  fps_target: number;
  width: number;
  height: number;
  encoding: "jpeg";
  annotation?: Annotation | null;
  progress?: boolean;
  device_id?: string | null;
  consent_given?: boolean | null;
  is_demo?: boolean | null;
}
/**
 * The progress of a capture, for a client whose ``capture.open`` asked for it: 1 to 5 messages a second.
 *
 * ``backlog`` is the number of frames in the broker that wait for extraction; ``slow_down`` is
 * true while that is over half of what the stream may hold.
 */
export interface CaptureProgress {
  event: "capture.progress";
  capture_id: string;
  status: "waiting" | "extracting";
  accepted: number;
  extracted: number;
  backlog: number;
  slow_down: boolean;
  found: Found;
}
/**
 * In how many frames each part was found so far.
 */
export interface Found {
  pose: number;
  left_hand: number;
  right_hand: number;
  face: number;
}
/**
 * ``GET /camera_feed_worker/limits``: this gateway's limits for a capture, as far as a client has to keep them.
 *
 * Durations are seconds, sizes are bytes, sides are pixels; each is a field of `contracts.rules.limits.CaptureLimits`.
 */
export interface ClientLimits {
  max_duration_s: number;
  min_duration_s: number;
  max_fps: number;
  max_long_side: number;
  max_short_side: number;
  max_frames: number;
  max_frame_bytes: number;
  max_total_bytes: number;
  max_wait_s: number;
  idle_timeout_s: number;
}
/**
 * One object that was found in a frame.
 *
 * ``box`` is x0, y0, x1, y1, normalised to the image: 0 ≤ x0 ≤ x1 ≤ 1, and the same for y.
 */
export interface Detection {
  label: string;
  confidence: number;
  box: [number, number, number, number];
}
/**
 * Announces one frame; the next message is the JPEG itself, ``byte_length`` bytes long.
 */
export interface FrameMeta {
  schema_version: string;
  record_id: string;
  user_id: string;
  session_id: string;
  timestamp: string;
  modality?: string | null;
  source?: string | null;
  performer_id?: string | null;
  capture_id: string;
  event: "capture.frame_meta";
  seq: number;
  timestamp_frame: string;
  byte_length: number;
}
/**
 * The frame was dropped because another one was still being processed.
 */
export interface LiveDropped {
  frame_index: number;
  dropped: true;
}
/**
 * The last message: the connection is closed right after it.
 */
export interface LiveError {
  error:
    | "invalid_pipeline"
    | "invalid_message"
    | "invalid_frame"
    | "frame_too_large"
    | "pipeline_failure"
    | "internal_error";
  detail: string;
}
/**
 * The answer to a frame. ``frame_index`` counts the frames that were received, from 0.
 */
export interface LiveResult {
  frame_index: number;
  result: PipelineResult;
}
/**
 * A pipeline's result for one frame.
 *
 * ``landmarks`` has an array of shape (landmarks, coordinates) for each part that was found. The coordinates are
 * named in `contracts.rules.landmarks`.
 */
export interface PipelineResult {
  pipeline: string;
  landmarks: Landmarks;
  detections: Detection[];
  timing_ms: LiveTimingMs;
}
export interface Landmarks {
  pose?: number[][];
  left_hand?: number[][];
  right_hand?: number[][];
  face?: number[][];
}
/**
 * How long the worker took, in milliseconds.
 */
export interface LiveTimingMs {
  decode: number;
  inference: number;
}
/**
 * Too many frames are dropped: send fewer. Once per episode, right after the ``dropped`` that caused it.
 */
export interface LiveWarning {
  warning: "slow_down";
}
/**
 * One pipeline, as ``GET /pipelines`` shows it. ``parts`` are those it looks for.
 */
export interface PipelineInfo {
  pipeline_id: string;
  title: string;
  parts: ("pose" | "left_hand" | "right_hand" | "face")[];
}
/**
 * Where a capture's feature matrix is stored, and its hash.
 *
 * ``uri`` is relative to ``DATA_ROOT`` for local files; ``hash`` is over the whole file's bytes;
 * ``shape`` is ``[T, dims]``, two whole numbers.
 */
export interface RawFeaturesRef {
  uri: string;
  hash: string;
  format: "npz";
  dims: number;
  shape: [number, number];
  dtype: "float32";
  encoding: string;
}
/**
 * ``POST /session_manager/sessions.validate`` answers this.
 */
export interface SessionAnswer {
  status: "active" | "closed" | "invalid";
}
/**
 * ``POST /session_manager/sessions.end``.
 */
export interface SessionEndRequest {
  schema_version: string;
  record_id: string;
  user_id: string;
  session_id: string;
  timestamp: string;
  modality?: string | null;
  source?: string | null;
  performer_id: string;
  end_time: string;
}
/**
 * ``POST /session_manager/sessions.start``. ``performer_id`` may be ``"system"``.
 */
export interface SessionStartRequest {
  schema_version: string;
  record_id: string;
  user_id: string;
  session_id?: string | null;
  timestamp: string;
  modality?: string | null;
  source?: string | null;
  performer_id: string;
  is_training_data?: boolean | null;
  session_notes?: string | null;
  training_intent_label?: string | null;
  device_id?: string | null;
  consent_given?: boolean | null;
  is_demo?: boolean | null;
}
/**
 * ``POST /session_manager/sessions.validate``.
 */
export interface SessionValidateRequest {
  user_id: string;
  session_id: string;
}
