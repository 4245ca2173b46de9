import type { CaptureState } from "../capture/protocol";
import { doubts, type Doubt } from "../capture/quality";
import type { Take } from "./flow";

/** What to say of a take: the doubts that count in this study, and the numbers that are out of its bounds. */
export interface Judgement {
  readonly doubts: readonly Doubt[];
  /** Paths of numbers of the quality, such as `found.any_hand`. */
  readonly bounds: readonly string[];
}

/** Of a take that counts, only what this page itself saw of the camera is said: the study's rule knows all the rest. */
export function judgementOf(take: Take, state: CaptureState): Judgement {
  const server = new Set<string>(state.quality?.reasons);
  const all = doubts(state);
  return {
    doubts: all.filter(({ code }) => !server.has(code) || take.faults.includes(code)),
    bounds: take.faults.filter((fault) => fault.includes(".") || NUMBERS.has(fault)),
  };
}

const NUMBERS: ReadonlySet<string> = new Set(["fps", "time_gaps", "longest_time_gap_ms", "undecoded_frames"]);

/** The judgement as the reason of a verdict, for the log: codes, and names of numbers. Undefined if there is nothing. */
export function reasonOf({ doubts: all, bounds }: Judgement): string | undefined {
  return [...all.map(({ code }) => code), ...bounds].join(", ") || undefined;
}
