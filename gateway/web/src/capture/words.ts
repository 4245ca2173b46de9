import type { Tone } from "../components/StatusText";
import { words } from "../words";
import type { Capture } from "./useCapture";
import { maxDurationMs } from "./limits";
import type { CaptureState } from "./protocol";
import { doubts, happened, rateOf } from "./quality";

/** The status of a capture in words. They change seldom, because screen readers announce every change. */
export function statusOf(capture: Capture | null): { readonly tone: Tone; readonly words: string } {
  const { status } = words().capture;
  if (!capture) return { tone: "idle", words: status.none };
  const { phase, claimed, countdownS, elapsedMs, limits, silent, lost } = capture.state;
  if (silent) return { tone: "error", words: status.silent };
  switch (phase) {
    case "counting":
      return { tone: "busy", words: claimed || countdownS > 0 ? status.ready : status.waiting };
    case "recording":
      return { tone: "active", words: endsSoon(elapsedMs, maxDurationMs(limits)) ? status.endsSoon : status.recording };
    case "closing":
      return { tone: "busy", words: lost ? words().connection.status : status.closing };
    case "opening":
    case "settling":
      return { tone: "busy", words: status[phase] };
    case "recorded":
      return recordedWords(capture.state);
    case "failed":
      if (capture.state.failure?.code === "capture_cancelled") return { tone: "idle", words: status.cancelled };
      return { tone: "error", words: status.failed };
  }
}

function recordedWords(state: CaptureState): { readonly tone: Tone; readonly words: string } {
  const { status } = words().capture;
  const all = doubts(state);
  if (all.length === 0) return { tone: "active", words: status.recorded };
  return { tone: "warning", words: status.doubtful(happened(all)) }; // the result asks, until the person has answered
}

/** The rate and the parts found so far, for a running capture: "14 pictures a second · body, face, no hand yet". */
export function seenSoFar(state: CaptureState): string {
  const { found, extracted, elapsedMs } = state;
  const { seen } = words().capture;
  if (elapsedMs < 1000) return "";
  const rate = seen.rate(rateOf(state));
  if (extracted === 0) return rate;
  const parts = [
    found.pose > 0 ? seen.body : seen.bodyMissing,
    found.face > 0 ? seen.face : seen.faceMissing,
    found.left_hand + found.right_hand > 0 ? seen.hands : seen.handMissing,
  ];
  return `${rate} · ${parts.join(", ")}`;
}

/** Whether the last ten seconds have begun; always false if the longest capture is shorter than 20 s. */
function endsSoon(elapsedMs: number, maxMs: number): boolean {
  return maxMs >= 20_000 && maxMs - elapsedMs <= 10_000;
}

/** A time in minutes and seconds: "1:07". */
export function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** The share of the frames in which a part was found, 0 to 1; null before the first frame. */
export function foundShare(found: number, { extracted }: CaptureState): number | null {
  return extracted > 0 ? found / extracted : null;
}
