import type { Failure } from "../api/failure";
import constants from "../api/constants.json";
import { sentenceFor, textFor } from "../api/sentences";

const NOT_KEPT = "This capture was not kept.";

/** The sentences for failures that the page detects itself; those of the server's codes are in the table of codes. */
const SENTENCES: Readonly<Record<string, string>> = {
  server_full: "The server is full. Wait a minute, then capture again.",
  socket_refused:
    "The server did not let this page connect. Check that the server is running and that nothing between blocks WebSockets, then capture again.",
  socket_lost: `The connection to the server was lost. ${NOT_KEPT} Check the network and that the server is running, then capture again.`,
  server_silent: `The server stopped answering. ${NOT_KEPT} Check the network and that the server is running, then capture again.`,
  server_silent_now: "The server does not answer; nothing is being recorded now. Wait a moment, or cancel.",
  server_silent_closing:
    "The server does not answer. Wait a moment, or cancel; the server may still record the capture.",
  server_silent_before: "The server does not answer, so the capture cannot begin. Wait a moment, or cancel.",
  capture_cancelled: "The capture was cancelled. Nothing was kept.",
  camera_muted: `The camera stopped delivering pictures. A call, a closed lid or a privacy switch can be the reason. ${NOT_KEPT} Capture again when the picture is back.`,
  camera_muted_now:
    "The camera delivers no pictures at the moment. A call, a closed lid or a privacy switch can be the reason.",
  picture_black: "The picture is black. Is the camera covered, or switched off by a privacy switch?",
  picture_still: "The picture does not move. If the person is moving, turn the camera off and on again.",
  capture_interrupted: `The camera was disconnected during the capture. ${NOT_KEPT} Connect it, press “Try the camera again”, then capture again.`,
  no_picture: "The camera delivers no picture. Turn it off and on again, then capture again.",
  outcome_unknown:
    "You stopped waiting. The capture may still be recorded: look for its record_id, shown below, in the session's log.",
  outcome_late:
    "The server did not report the outcome of this capture. It may still be recorded: look for its record_id, shown below, in the session's log.",
  page_in_background:
    "This page was in the background, where browsers slow the camera down. So this capture has fewer pictures. Keep the page in front, and capture again if you need every moment.",
};

const OF_A_CAPTURE: ReadonlySet<string> = new Set(constants.capture_codes);

/** The failure to show on the capture page for a code of the server or of the page. */
export function captureFailure(code: string): Failure {
  const text = OF_A_CAPTURE.has(code) ? textFor(code) : undefined;
  if (text) return { code, sentence: `${text.happened} ${NOT_KEPT} ${text.advice}` };
  return { code, sentence: SENTENCES[code] ?? sentenceFor(code) };
}

/** Whether a code means that nothing more can be recorded in the session. */
export function endsSession(code: string): boolean {
  return ["session_closed", "session_invalid", "consent_withdrawn"].includes(code);
}

/** The failure for a socket that the server closed too early, from the close code and the reason. */
export function closeFailure(closeCode: number, reason: string, opened: boolean): Failure {
  if (OF_A_CAPTURE.has(reason)) return captureFailure(reason);
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
