import { failureWith, type Failure } from "../api/failure";
import constants from "../api/constants.json";
import { known, sentenceFor, textFor } from "../api/sentences";
import { words } from "../words";

const OF_A_CAPTURE: ReadonlySet<string> = new Set(constants.capture_codes);

/** The failure to show on the capture page for a code of the server or of the page. */
export function captureFailure(code: string): Failure {
  return failureWith(code, () => captureSentence(code));
}

function captureSentence(code: string): string {
  const { notKept, capture } = words().failures;
  const text = OF_A_CAPTURE.has(code) ? textFor(code) : undefined;
  if (text) return `${text.happened} ${notKept} ${text.advice}`;
  return known<string>(capture, code) ?? sentenceFor(code);
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
