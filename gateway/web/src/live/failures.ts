import constants from "../api/constants.json";
import type { Failure } from "../api/failure";
import type { LiveError } from "../api/messages";
import { sentenceFor } from "../api/sentences";

/** The codes that the server sends before it ends a live connection. */
export type LiveCode = LiveError["error"];

/** The codes that this page finds out by itself. */
export type LostCode =
  | "lane_disabled"
  | "connection_lost"
  | "connection_refused"
  | "server_shutdown"
  | "server_silent"
  | "unexpected_answer";

const SENTENCES: Readonly<Record<Exclude<LostCode, "unexpected_answer" | "server_shutdown">, string>> = {
  lane_disabled:
    "The live view is switched off on this server. The person who runs it can switch it on. Everything else still works.",
  connection_lost:
    "The connection to the server was lost. Check that the server is running and that you are connected, then press " +
    "“Reconnect”.",
  connection_refused:
    "The server did not accept the connection. Wait a moment, then press “Reconnect”. If it happens again, the network " +
    "between this page and the server blocks live connections: tell the person who runs it.",
  server_silent: "The server does not answer any more. Check your connection, then press “Reconnect”.",
};

/** Codes that the server sends; the page finds out the others. */
export const LIVE_CODES: readonly string[] = constants.live_codes;

/** Whether the code came from the server. */
export function isTold(code: string): code is LiveCode {
  return LIVE_CODES.includes(code);
}

/** The failure for a code; `detail` is the server's, for a code that this page does not know. */
export function liveFailure(code: string, detail = ""): Failure {
  const sentence = (SENTENCES as Readonly<Record<string, string>>)[code] ?? sentenceFor(code, detail, "live");
  return { code, sentence };
}
