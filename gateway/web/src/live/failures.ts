import type { Failure } from "../api/failure";
import type { LiveError } from "../api/messages";
import { sentenceFor } from "../api/sentences";

/** What the server says before it ends a live connection. */
export type LiveCode = LiveError["error"];

/** What this page finds out by itself. */
export type LostCode =
  | "lane_disabled"
  | "connection_lost"
  | "connection_refused"
  | "server_shutdown"
  | "server_silent"
  | "unexpected_answer";

const SENTENCES: Readonly<Record<LiveCode | Exclude<LostCode, "unexpected_answer">, string>> = {
  invalid_pipeline: "The server does not have what was chosen under “Look for”. Choose something else there.",
  invalid_message:
    "The server could not read what this page sent. Press “Retry”; if it happens again, load the page again.",
  invalid_frame: "The server could not read a picture from the camera. Press “Retry”, or try another camera.",
  frame_too_large: "A picture from the camera was too large for the server. Try another camera, then press “Retry”.",
  pipeline_failure:
    "The part of the server that looks at the pictures did not answer. Press “Retry”; it may take a moment to be back.",
  internal_error: "The server made a mistake. Press “Retry”; its log says more.",
  lane_disabled:
    "The live view is switched off on this server. The person who runs it can switch it on. Everything else still works.",
  connection_lost:
    "The connection to the server was lost. Check that the server is running and that you are connected, then press " +
    "“Reconnect”.",
  connection_refused:
    "The server did not take the connection. Wait a moment, then press “Reconnect”. If it happens again, something between " +
    "this page and the server lets no live connection through: tell the person who runs it.",
  server_shutdown: "The server was stopped or is starting again. Wait a moment, then press “Reconnect”.",
  server_silent: "The server does not answer any more. Check your connection, then press “Reconnect”.",
};

/** Codes that the server told, unlike those that are found out here. */
export const LIVE_CODES: readonly LiveCode[] = [
  "invalid_pipeline",
  "invalid_message",
  "invalid_frame",
  "frame_too_large",
  "pipeline_failure",
  "internal_error",
];

/** Whether the server said so itself. */
export function isTold(code: string): code is LiveCode {
  return (LIVE_CODES as readonly string[]).includes(code);
}

/** The failure for a code; `detail` is the server's, for a code that this page does not know. */
export function liveFailure(code: string, detail = ""): Failure {
  const sentence = (SENTENCES as Readonly<Record<string, string>>)[code] ?? sentenceFor(code, detail);
  return { code, sentence };
}
