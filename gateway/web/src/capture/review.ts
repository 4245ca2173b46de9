import { messageHeader } from "../api/header";
import type { Send } from "../api/http";
import type { Delivery } from "../library/delivery";
import { words } from "../words";
import type { CaptureWindow } from "./messages";

/** The person's answer to the question about a capture that was just recorded, for the session's log. */
export function reviewOf(
  send: Send,
  { session, captureId, intent }: Pick<CaptureWindow, "session" | "captureId" | "intent">,
  verdict: "keep" | "redo",
  reason?: string,
): Delivery {
  const request = {
    ...messageHeader(session.userId, session.performerId),
    session_id: session.sessionId,
    capture_id: captureId,
    verdict,
    ...(reason === undefined ? {} : { reason }),
  };
  const { answer, about, meanwhile } = words().capture.verdict;
  return {
    topic: `${captureId} review`,
    words: answer[verdict] + (intent && about(intent)),
    meanwhile,
    send: () => send("POST", "/library/review", { json: request }),
  };
}
