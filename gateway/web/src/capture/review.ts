import { messageHeader } from "../api/header";
import type { Send } from "../api/http";
import type { Delivery } from "../library/delivery";
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
  return {
    topic: `${captureId} review`,
    words: `Your answer “${verdict === "keep" ? "Keep" : "Record again"}”${intent && ` for “${intent}”`}`,
    meanwhile: "The recording itself is safe.",
    send: () => send("POST", "/library/review", { json: request }),
  };
}
