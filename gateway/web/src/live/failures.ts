import constants from "../api/constants.json";
import type { Failure } from "../api/failure";
import type { LiveError } from "../api/messages";
import { sentenceFor } from "../api/sentences";

/** The codes that the server sends before it ends a live connection. */
export type LiveCode = LiveError["error"];

/** The codes of failures that this page detects itself. */
export type PageCode =
  | "lane_disabled"
  | "connection_lost"
  | "connection_refused"
  | "server_shutdown"
  | "server_silent"
  | "unexpected_answer";

const SENTENCES: Readonly<Record<Exclude<PageCode, "unexpected_answer" | "server_shutdown">, string>> = {
  lane_disabled:
    "The live view is disabled on this server. The person who runs the server can enable it. The other pages still work.",
  connection_lost:
    "The connection to the server was lost. Check that the server is running and that you are connected, then press " +
    "“Reconnect”.",
  connection_refused:
    "The server did not accept the connection. Wait a moment, then press “Reconnect”. If it happens again, the network " +
    "between this page and the server may block live connections: tell the person who runs it.",
  server_silent: "The server stopped answering. Check your connection, then press “Reconnect”.",
};

/** The codes that the server sends. The page detects the others. */
export const LIVE_CODES: readonly string[] = constants.live_codes;

/** Whether a code comes from the server. */
export function isServerCode(code: string): code is LiveCode {
  return LIVE_CODES.includes(code);
}

/** The failure for a code. If this page does not know the code, it shows `detail`, the server's own sentence. */
export function liveFailure(code: string, detail = ""): Failure {
  const sentence = (SENTENCES as Readonly<Record<string, string>>)[code] ?? sentenceFor(code, detail, "live");
  return { code, sentence };
}
