import { useEffect } from "react";

import { rememberCapture, rememberedCaptures, type Captured } from "../session/remembered";
import type { Session } from "../session/useSession";
import { summary } from "./quality";
import type { Capture } from "./useCapture";

/** The recorded captures of the session, also after a reload. `capture` is the last one. */
export function useSessionCaptures(session: Session | null, capture: Capture | null): readonly Captured[] {
  const sessionId = session?.sessionId ?? null;
  const last = capture?.state.phase === "recorded" && capture.window.session.sessionId === sessionId ? capture : null;
  const captureId = last?.window.captureId ?? null;
  const line = last && summary(last.window.intent, last.state);

  useEffect(() => {
    if (sessionId && captureId && line) rememberCapture(sessionId, { captureId, line });
  }, [sessionId, captureId, line]);

  if (!sessionId) return [];
  const before = rememberedCaptures(sessionId).filter((kept) => kept.captureId !== captureId);
  return [...before, ...(captureId && line ? [{ captureId, line }] : [])];
}
