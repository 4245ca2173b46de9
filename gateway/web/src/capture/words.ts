import type { Tone } from "../components/StatusText";
import type { Capture } from "./useCapture";
import { maxDurationMs } from "./limits";
import { isCapturing, type CaptureState } from "./protocol";

/** The status of a capture in words that change seldom: they are read out. */
export function statusOf(capture: Capture | null): { readonly tone: Tone; readonly words: string } {
  if (!capture) return { tone: "idle", words: "no capture yet" };
  const { phase, claimed, countdownS, elapsedMs, limits } = capture.state;
  switch (phase) {
    case "opening":
      return { tone: "busy", words: "connecting" };
    case "counting":
      if (claimed || countdownS > 0) return { tone: "busy", words: "get ready, it begins in a moment" };
      return { tone: "busy", words: "waiting for the server to have time" };
    case "recording":
      if (endsSoon(elapsedMs, maxDurationMs(limits)))
        return { tone: "active", words: "recording, ends in ten seconds" };
      return { tone: "active", words: "recording" };
    case "closing":
      return { tone: "busy", words: "sending the last pictures" };
    case "settling":
      return { tone: "busy", words: "stopped; the server finds the landmarks and writes them down" };
    case "recorded":
      return { tone: "active", words: "recorded" };
    case "failed":
      if (capture.state.failure?.code === "capture_cancelled")
        return { tone: "idle", words: "cancelled, nothing was kept" };
      return { tone: "error", words: "not kept" };
  }
}

/** Whether its last ten seconds have begun; of a short capture that is not said. */
function endsSoon(elapsedMs: number, maxMs: number): boolean {
  return maxMs >= 20_000 && maxMs - elapsedMs <= 10_000;
}

/** "1:07" */
export function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** In how many of a hundred frames a part was found; null before the first. */
export function percent(found: number, { extracted }: CaptureState): number | null {
  return extracted > 0 ? Math.round((100 * found) / extracted) : null;
}

/** Why the session cannot be ended now. */
export function endBlocked(capture: Capture | null): string | undefined {
  return capture && isCapturing(capture.state) ? "Stop the capture first." : undefined;
}
