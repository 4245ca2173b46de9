import type { Failure } from "../api/failure";
import { sentenceFor } from "../api/sentences";

const NOT_KEPT = "This capture was not kept.";

/** What happened to a capture, and what to do now. */
const SENTENCES: Readonly<Record<string, string>> = {
  // the server's codes
  limit_duration_exceeded: `The capture took longer than the server allows. ${NOT_KEPT} Make a shorter one.`,
  limit_duration_too_short: `The capture was too short. ${NOT_KEPT} Let it run for two seconds or more.`,
  limit_fps_exceeded: `More pictures a second came than the server allows. ${NOT_KEPT} Load the page again.`,
  limit_resolution_exceeded: `The pictures were larger than the server allows. ${NOT_KEPT} Load the page again.`,
  limit_frame_count_exceeded: `The capture had more pictures than the server allows. ${NOT_KEPT} Make a shorter one.`,
  limit_frame_bytes_exceeded: `One picture was too large for the server. ${NOT_KEPT} More light on the scene makes pictures smaller.`,
  limit_total_bytes_exceeded: `The capture was too large for the server. ${NOT_KEPT} Make a shorter one.`,
  limit_forward_buffer_exceeded: `Another capture kept the server busy for as long as this one may wait. ${NOT_KEPT} Capture again when the other one is done. If it happens often, the person who runs the server can let it work on more captures at a time.`,
  protocol_violation: `The server did not get the pictures as it expects them; a slow connection or a page in the background can be the reason. ${NOT_KEPT} Capture again.`,
  session_invalid: `The server does not know this session any more. ${NOT_KEPT} Start a new session.`,
  session_closed: `The session was ended elsewhere. ${NOT_KEPT} Start a new session to go on.`,
  duplicate_capture: "The server has a capture with this number already. Capture again.",
  invalid_frame: `The server could not read a picture. ${NOT_KEPT} Capture again; if it happens again, use another browser.`,
  forward_failed: `A part of the server stopped. ${NOT_KEPT} Wait a moment and capture again.`,
  extraction_failed: `The landmarks could not be found, because the server failed at it. ${NOT_KEPT} Capture again, and tell the person who runs the server.`,
  server_shutdown: `The server is being stopped or restarted. ${NOT_KEPT} Wait a minute and capture again.`,
  client_disconnected: `The connection was lost before the capture was complete. ${NOT_KEPT} Capture again.`,
  gateway_lost: `The server stopped during the capture. ${NOT_KEPT} Capture again.`,
  frames_lost: `The server was restarted before it had looked at all pictures. ${NOT_KEPT} Capture again.`,
  invalid_json: `The server could not read a message of this page. ${NOT_KEPT} Load the page again.`,
  schema_error: `The server refused a message of this page. ${NOT_KEPT} Load the page again.`,
  internal_error: `The server made a mistake. ${NOT_KEPT} Capture again; the server's log says more.`,
  too_many_captures:
    "The server is full: too many captures are open now. Wait until one has ended, then capture again.",
  frames_broker_full: "The server is full: it is short of memory. Wait a minute, then capture again.",
  brokers_unready: "The server is still starting. Wait a moment, then capture again.",
  open_timeout: "The capture took too long to begin. Capture again.",
  // this page's own
  server_full: "The server is full. Wait a minute, then capture again.",
  socket_refused:
    "The server did not let this page connect. Check that the server is running and that nothing between blocks WebSockets, then capture again.",
  socket_lost: `The connection to the server was lost. ${NOT_KEPT} Check the network and that the server is running, then capture again.`,
  server_silent: `The server did not answer any more. ${NOT_KEPT} Check the network and that the server is running, then capture again.`,
  server_silent_now: "The server does not answer; nothing is being recorded now. Wait a moment, or cancel.",
  server_silent_closing:
    "The server does not answer. Wait a moment, or cancel; the capture may be recorded all the same.",
  server_silent_before: "The server does not answer, so nothing can begin. Wait a moment, or cancel.",
  capture_cancelled: "The capture was cancelled. Nothing was kept.",
  camera_muted: `The camera stopped giving pictures: a call, a closed lid or a privacy switch can be the reason. ${NOT_KEPT} Capture again when the picture is back.`,
  camera_muted_now:
    "The camera gives no pictures at the moment: a call, a closed lid or a privacy switch can be the reason.",
  picture_black: "The picture is black. Is the camera covered, or switched off by a privacy switch?",
  picture_still: "The picture does not move. If the person does, the camera hangs: turn it off and on again.",
  capture_interrupted: `The camera was disconnected during the capture. ${NOT_KEPT} Connect it, press “Try the camera again”, then capture again.`,
  no_picture: "The camera gives no picture. Turn it off and on again, then capture again.",
  outcome_unknown:
    "You stopped waiting. The capture may still be recorded; its record_id below finds it in the session's log.",
  outcome_late:
    "The server did not say what became of this capture. It may still be recorded; its record_id below finds it in the session's log.",
  page_in_background:
    "This page was in the background, where browsers slow the camera down: this capture has fewer pictures than it could. Keep the page in front, and capture again if every moment counts.",
};

/** The failure for a code of a capture; unknown ones have the sentence that every page has. */
export function captureFailure(code: string): Failure {
  return { code, sentence: SENTENCES[code] ?? sentenceFor(code) };
}

/** Codes after which there is no session any more. */
export function endsSession(code: string): boolean {
  return code === "session_closed" || code === "session_invalid";
}

/** Why a socket was closed that was not to be closed yet, from its close code and reason. */
export function closeFailure(closeCode: number, reason: string, opened: boolean): Failure {
  if (reason in SENTENCES) return captureFailure(reason);
  switch (closeCode) {
    case 1013:
      return captureFailure("server_full");
    case 1012:
    case 1001:
      return captureFailure("server_shutdown");
    case 1011:
      return captureFailure("internal_error");
    case 1008:
    case 1009:
      return captureFailure("protocol_violation");
    default:
      return captureFailure(opened ? "socket_lost" : "socket_refused");
  }
}
