import type { CaptureMotion } from "../api/messages";
import { PARTS, type Part } from "../api/skeleton";
import { number, percent, words } from "../words";

/** What a frame says about a part: it was found, it was not, or the frame's picture could not be read at all. */
export type Presence = "found" | "missing" | "damaged";

/** Consecutive frames with the same presence. Times are milliseconds since the capture's start. */
export interface Span {
  readonly presence: Presence;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface PartPresence {
  readonly part: Part;
  readonly spans: readonly Span[];
  /** The share of the frames in which the part was found, 0 to 1. */
  readonly share: number;
}

/** When the last frame ends, in milliseconds: it lasts as long as the others on the average. */
export function endMs({ time_ms: times }: Pick<CaptureMotion, "time_ms">): number {
  const [first = 0, last = first] = [times[0], times.at(-1)];
  return times.length > 1 ? last + (last - first) / (times.length - 1) : last + 1;
}

/** The frame that has begun last at a time; the first one before that. */
export function frameBegunAt(times: readonly number[], timeMs: number): number {
  let [low, high] = [0, times.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((times[middle] as number) <= timeMs) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Where in the capture each part was found, in the order in which the pages name them. */
export function presenceOf(motion: Pick<CaptureMotion, "time_ms" | "decoded" | "parts">): readonly PartPresence[] {
  return ORDER.map((part) => {
    const states = motion.time_ms.map((_, at) => stateIn(motion, part, at));
    const found = states.filter((state) => state === "found").length;
    return { part, spans: spansOf(states, motion), share: states.length > 0 ? found / states.length : 0 };
  });
}

const ORDER: readonly Part[] = ["face", "pose", "left_hand", "right_hand"];

function stateIn({ decoded, parts }: Pick<CaptureMotion, "decoded" | "parts">, part: Part, at: number): Presence {
  if (!decoded[at]) return "damaged";
  return parts[part].frames[at] ? "found" : "missing";
}

function spansOf(states: readonly Presence[], motion: Pick<CaptureMotion, "time_ms">): readonly Span[] {
  const spans: Span[] = [];
  const end = endMs(motion);
  for (const [at, presence] of states.entries()) {
    const fromMs = motion.time_ms[at] as number;
    const toMs = motion.time_ms[at + 1] ?? end;
    const before = spans.at(-1);
    if (before?.presence === presence) spans[spans.length - 1] = { ...before, toMs };
    else spans.push({ presence, fromMs, toMs });
  }
  return spans;
}

/** How many of the frames that were sent have a damaged picture. */
export function damagedFrames({ decoded }: Pick<CaptureMotion, "decoded">): number {
  return decoded.filter((readable) => !readable).length;
}

/** Whether nothing at all is drawn in a frame. */
export function isEmpty({ parts }: Pick<CaptureMotion, "parts">, frame: number): boolean {
  return PARTS.every((part) => !parts[part].frames[frame]);
}

const MOST_GAPS = 5;

/** A part's presence in words: "83 %, not seen from 0.0 to 0.4 s and from 3.1 to 3.6 s". */
export function presenceInWords({ spans, share }: PartPresence): string {
  const { presence: texts } = words().libraryCapture;
  const gaps = spans.filter(({ presence }) => presence !== "found");
  if (gaps.length === 0) return texts.always;
  if (gaps.length === spans.length) return texts.never;
  const named = gaps.slice(0, MOST_GAPS).map(({ fromMs, toMs }) => texts.gap(seconds(fromMs), seconds(toMs)));
  const more = gaps.length - named.length;
  const list = [...named, ...(more > 0 ? [texts.more(more)] : [])];
  return texts.notSeen(percentOf(share), inWords(list));
}

/** A share as a percentage that is 0 or 100 only if the share is 0 or 1. */
export function percentOf(share: number): string {
  const { presence: texts } = words().libraryCapture;
  const whole = Math.round(100 * share);
  if (whole === 0 && share > 0) return texts.under(percent(0.01));
  if (whole === 100 && share < 1) return texts.over(percent(0.99));
  return percent(share);
}

function inWords(list: readonly string[]): string {
  const { presence: texts } = words().libraryCapture;
  return list.length < 2 ? list.join("") : texts.and(list.slice(0, -1).join(", "), String(list.at(-1)));
}

/** Milliseconds in seconds with one decimal: "3.1". */
export function seconds(ms: number): string {
  return number(ms / 1000, 1);
}
