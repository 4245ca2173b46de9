import { messageHeader } from "../api/header";
import type {
  CaptureClose,
  CaptureOpen,
  ClientLimits,
  Found,
  FrameMeta,
  Quality,
  RawFeaturesRef,
} from "../api/messages";
import type { Size } from "../camera/grab";
import type { Session } from "../session/useSession";
import { fpsOf } from "./limits";

/** The study and the prompt that a take answers, by their ids. */
export interface StudyTask {
  readonly study: string;
  readonly prompt: string;
}

/** One capture: its session, its ids, its meaning, and the size of its frames. */
export interface CaptureWindow extends Size {
  readonly session: Session;
  readonly captureId: string;
  /** The id of the capture window, and the name of the artifact. */
  readonly recordId: string;
  /** The meaning of the gesture, as typed by the person who records it; empty for none. */
  readonly intent: string;
  /** If it is a take of a study; then it has an `intent`. */
  readonly task?: StudyTask | undefined;
  /** The `captureId` of the first attempt, if the take is sent again. */
  readonly resendOf?: string | undefined;
  /** The limits that the server sent before the open. */
  readonly limits: ClientLimits;
}

/** The answer of `GET /captures/{capture_id}`. */
export interface CaptureReport {
  readonly record_id: string;
  readonly status: "waiting" | "extracting" | "recorded" | "aborted";
  readonly accepted: number;
  readonly extracted: number;
  readonly found: Found;
  readonly error_code?: string;
  readonly raw_features_ref?: RawFeaturesRef;
  readonly recorded_at?: string;
  /** Missing if the server is older than version 0.3. */
  readonly quality?: Quality;
}

export function openMessage(window: CaptureWindow, startMs: number): CaptureOpen {
  return {
    ...header(window),
    record_id: window.recordId,
    event: "capture.open",
    timestamp_start: iso(startMs),
    fps_target: fpsOf(window.limits),
    width: window.width,
    height: window.height,
    encoding: "jpeg",
    progress: true,
    ...annotated(window),
  };
}

/** The annotation of a capture that has a meaning or is an attempt to send a take again; an empty intent is none. */
function annotated({ intent, task, resendOf }: CaptureWindow): Pick<CaptureOpen, "annotation"> {
  if (!intent && !resendOf) return {};
  return { annotation: { intent, ...task, ...(resendOf ? { resend_of: resendOf } : {}) } };
}

export function metaMessage(window: CaptureWindow, seq: number, timeMs: number, byteLength: number): FrameMeta {
  return {
    ...header(window),
    event: "capture.frame_meta",
    seq,
    timestamp_frame: iso(timeMs),
    byte_length: byteLength,
  };
}

export function closeMessage(window: CaptureWindow, endMs: number): CaptureClose {
  return { ...header(window), event: "capture.close", timestamp_end: iso(endMs) };
}

function header({ session, captureId }: CaptureWindow) {
  return {
    ...messageHeader(session.userId, session.performerId),
    session_id: session.sessionId,
    capture_id: captureId,
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
