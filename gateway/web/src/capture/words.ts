import type { Tone } from "../components/StatusText";
import type { Capture } from "./useCapture";
import { maxDurationMs } from "./limits";
import type { CaptureState } from "./protocol";
import { doubts, happened, rateOf } from "./quality";

/** The status of a capture in words. They change seldom, because screen readers announce every change. */
export function statusOf(capture: Capture | null): { readonly tone: Tone; readonly words: string } {
  if (!capture) return { tone: "idle", words: "no capture yet" };
  const { phase, claimed, countdownS, elapsedMs, limits, silent } = capture.state;
  if (silent) return { tone: "error", words: "the server does not answer" };
  switch (phase) {
    case "opening":
      return { tone: "busy", words: "connecting" };
    case "counting":
      if (claimed || countdownS > 0) return { tone: "busy", words: "get ready, it begins in a moment" };
      return { tone: "busy", words: "waiting, the server is busy" };
    case "recording":
      if (endsSoon(elapsedMs, maxDurationMs(limits)))
        return { tone: "active", words: "recording, ends in ten seconds" };
      return { tone: "active", words: "recording" };
    case "closing":
      return { tone: "busy", words: "sending the last pictures" };
    case "settling":
      return { tone: "busy", words: "stopped; the server is finding the landmarks" };
    case "recorded":
      return recordedWords(capture.state);
    case "failed":
      if (capture.state.failure?.code === "capture_cancelled")
        return { tone: "idle", words: "cancelled, nothing was kept" };
      return { tone: "error", words: "not kept" };
  }
}

function recordedWords(state: CaptureState): { readonly tone: Tone; readonly words: string } {
  const all = doubts(state);
  if (all.length === 0) return { tone: "active", words: "recorded" };
  return { tone: "warning", words: `recorded. ${happened(all)}` }; // the result asks, until the person has answered
}

/** The rate and the parts found so far, for a running capture: "14 pictures a second · body, face, no hand yet". */
export function seenSoFar(state: CaptureState): string {
  const { found, extracted, elapsedMs } = state;
  if (elapsedMs < 1000) return "";
  const rate = `${Math.round(rateOf(state))} pictures a second`;
  if (extracted === 0) return rate;
  const parts = [
    found.pose > 0 ? "body" : "no body yet",
    found.face > 0 ? "face" : "no face yet",
    found.left_hand + found.right_hand > 0 ? "hands" : "no hand yet",
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

/** The share of the frames in which a part was found, in percent; null before the first frame. */
export function percent(found: number, { extracted }: CaptureState): number | null {
  return extracted > 0 ? Math.round((100 * found) / extracted) : null;
}
