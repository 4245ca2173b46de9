import constants from "../api/constants.json";
import type { Found, Quality } from "../api/messages";
import { known, reasonText, type CodeText } from "../api/sentences";
import { cutDoubt } from "../phone/interruptions";
import { percent, words } from "../words";
import type { CaptureState } from "./protocol";

/** What is doubted of a recorded capture, with the code that the log gets as a reason. */
export interface Doubt extends CodeText {
  readonly code: string;
}

const LONG_MS = 1000;

/** What the server doubts of a recorded capture, the gravest first; empty if it is good, or if the server does not say. */
export function serverDoubts(quality: Pick<Quality, "reasons"> | null | undefined): readonly Doubt[] {
  return quality ? quality.reasons.map((code) => ({ code, ...reasonText(code) })) : [];
}

/** All doubts of a recorded capture: those of the server, and what only this page saw of the camera's pictures. */
export function doubts({ quality, blackMs, stillMs, cut }: CaptureState): readonly Doubt[] {
  return [
    ...serverDoubts(quality),
    ...(blackMs >= LONG_MS ? [black(blackMs)] : []),
    ...(stillMs >= LONG_MS ? [still(stillMs)] : []),
    ...(cut ? [cutDoubt(cut.code) ?? cutShort()] : []),
  ];
}

function black(ms: number): Doubt {
  const { doubts: texts } = words().capture;
  return { code: "picture_black", happened: texts.black(seconds(ms)), advice: texts.blackAdvice };
}

function still(ms: number): Doubt {
  const { doubts: texts } = words().capture;
  return { code: "picture_still", happened: texts.still(seconds(ms)), advice: texts.stillAdvice };
}

function cutShort(): Doubt {
  const { doubts: texts } = words().capture;
  return { code: "camera_muted", happened: texts.cut, advice: texts.cutAdvice };
}

function seconds(ms: number): string {
  const { doubts: texts, facts: units } = words().capture;
  const whole = Math.round(ms / 1000);
  return whole === 1 ? texts.second : units.seconds(whole);
}

/** What happened, in one line: "The left hand was out of the picture for most of it. The hands hardly moved." */
export function happened(all: readonly CodeText[]): string {
  return all.map((doubt) => doubt.happened).join(" ");
}

/** What the person can do, in one line, each advice once. */
export function advice(all: readonly CodeText[]): string {
  return [...new Set(all.map((doubt) => doubt.advice))].join(" ");
}

/** The doubts as the reason of a verdict: their codes, as `sentencesOf` reads them. */
export function reasonOf(all: readonly Doubt[]): string {
  return all.map(({ code }) => code).join(", ");
}

/** What `reasonOf` made, in sentences; undefined for a reason that a person wrote. */
export function sentencesOf(reason: string): string | undefined {
  const sentences = reason.split(", ").map((code) => {
    return code in constants.quality_reasons
      ? reasonText(code).happened
      : (known<string>(words().capture.doubts.short, code) ?? cutDoubt(code)?.happened);
  });
  return sentences.every((sentence) => sentence !== undefined) ? sentences.join(" ") : undefined;
}

/** The number of pictures a second. */
export function rateOf({ sent, elapsedMs }: Pick<CaptureState, "sent" | "elapsedMs">): number {
  return elapsedMs > 0 ? (1000 * sent) / elapsedMs : 0;
}

/** The share of the pictures, 0 to 1, in which the hand that was found more often was found. */
function handsShare(found: Found, frames: number): number {
  return Math.max(found.left_hand, found.right_hand) / frames;
}

/** A capture in one line: "more, 7 s, hands 80 %, 15 pictures a second". */
export function facts(intent: string, state: CaptureState): string {
  const { found, extracted, elapsedMs } = state;
  const { facts: texts } = words().capture;
  const rate = rateOf(state);
  return [
    intent || texts.noLabel,
    texts.seconds(Math.round(elapsedMs / 1000)),
    ...(extracted > 0 ? [texts.hands(percent(handsShare(found, extracted)))] : []),
    rate < 0.95 ? texts.slow : texts.rate(Math.round(rate)),
  ].join(", ");
}

/** The facts and the doubts in one line. */
export function summary(intent: string, state: CaptureState): string {
  const all = doubts(state);
  return all.length > 0 ? `${facts(intent, state)}. ${happened(all)}` : facts(intent, state);
}
