import { messageHeader } from "../api/header";
import type { CaptureClose, CaptureOpen, ClientLimits, Found, FrameMeta, RawFeaturesRef } from "../api/messages";
import type { Size } from "../camera/grab";
import type { Session } from "../session/useSession";
import { fpsOf } from "./limits";

/** One capture: who, in which session, under which ids, and what the frames are. */
export interface CaptureWindow extends Size {
  readonly session: Session;
  readonly captureId: string;
  /** Names the window; the artifact is called like it. */
  readonly recordId: string;
  /** Of the person who collects the capture; empty for none. */
  readonly intent: string;
  /** The server's, as it told them before the open. */
  readonly limits: ClientLimits;
}

/** What `GET /captures/{capture_id}` answers. */
export interface CaptureReport {
  readonly record_id: string;
  readonly status: "waiting" | "extracting" | "recorded" | "aborted";
  readonly accepted: number;
  readonly extracted: number;
  readonly found: Found;
  readonly error_code?: string;
  readonly raw_features_ref?: RawFeaturesRef;
  readonly recorded_at?: string;
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
    ...(window.intent ? { annotation: { intent: window.intent } } : {}),
  };
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
