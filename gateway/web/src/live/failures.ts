import constants from "../api/constants.json";
import { failureWith, type Failure } from "../api/failure";
import type { LiveError } from "../api/messages";
import { known, sentenceFor } from "../api/sentences";
import { words } from "../words";

/** The codes that the server sends before it ends a live connection. */
export type LiveCode = LiveError["error"];

/** The codes that the server sends. The page detects the others. */
export const LIVE_CODES: readonly string[] = constants.live_codes;

/** Whether a code comes from the server. */
export function isServerCode(code: string): code is LiveCode {
  return LIVE_CODES.includes(code);
}

/** The failure for a code. If this page does not know the code, it shows `detail`, the server's own sentence. */
export function liveFailure(code: string, detail = ""): Failure {
  return failureWith(code, () => known<string>(words().failures.live, code) ?? sentenceFor(code, detail, "live"));
}
