import type { Found } from "../api/messages";
import { fpsOf } from "./limits";
import type { CaptureState } from "./protocol";

/** If a hand was found in less than this share of the pictures, the result says so. */
const HARDLY = 0.2;
/** If the rate was below this share of the wanted one, the result says so. */
const FEW = 0.6;
const LONG_MS = 1000;

/** The share of the pictures, 0 to 1, in which the hand that was found more often was found; null without pictures. */
export function handsShare(found: Found, frames: number): number | null {
  return frames > 0 ? Math.max(found.left_hand, found.right_hand) / frames : null;
}

/** The end of a sentence that says what was not found although a gesture may need it; null if nothing is missing. */
export function unseen(found: Found, frames: number): string | null {
  if (frames === 0) return null;
  if (found.pose + found.face + found.left_hand + found.right_hand === 0) {
    return "nothing was found, no body, no face, no hand";
  }
  const share = handsShare(found, frames) ?? 0;
  if (share === 0) return "no hand was found";
  return share < HARDLY ? `a hand was found in ${Math.max(1, Math.round(100 * share))} % of the pictures only` : null;
}

/** The number of pictures a second. */
export function rateOf({ sent, elapsedMs }: Pick<CaptureState, "sent" | "elapsedMs">): number {
  return elapsedMs > 0 ? (1000 * sent) / elapsedMs : 0;
}

/** What may be wrong with a recorded capture, each as the end of a sentence; empty if nothing is. */
export function doubts(state: CaptureState): readonly string[] {
  const { found, extracted, blackMs, stillMs, cut, limits } = state;
  const rate = rateOf(state);
  const missing = unseen(found, extracted);
  return [
    ...(missing ? [missing] : []),
    ...(rate < FEW * fpsOf(limits) ? [`only ${pictures(rate)} a second`] : []),
    ...(blackMs >= LONG_MS ? [`the picture was black for ${seconds(blackMs)}`] : []),
    ...(stillMs >= LONG_MS ? [`the picture did not move for ${seconds(stillMs)}`] : []),
    ...(cut ? ["the camera stopped delivering pictures, so it ends there"] : []),
  ];
}

function pictures(rate: number): string {
  if (rate < 0.95) return "less than 1 picture";
  const rounded = Math.round(rate);
  return rounded === 1 ? "1 picture" : `${rounded} pictures`;
}

function seconds(ms: number): string {
  const whole = Math.round(ms / 1000);
  return whole === 1 ? "a second" : `${whole} s`;
}

/** A capture in one line: "more, 7 s, hands 80 %, 15 pictures a second". */
export function facts(intent: string, state: CaptureState): string {
  const share = handsShare(state.found, state.extracted);
  const hands = share === null ? [] : [`hands ${Math.round(100 * share)} %`];
  const lasted = `${Math.round(state.elapsedMs / 1000)} s`;
  return [intent || "no label", lasted, ...hands, `${pictures(rateOf(state))} a second`].join(", ");
}

/** The facts and the doubts in one line. */
export function summary(intent: string, state: CaptureState): string {
  const against = doubts(state).filter((doubt) => !doubt.startsWith("only "));
  return [facts(intent, state), ...against].join("; ");
}
