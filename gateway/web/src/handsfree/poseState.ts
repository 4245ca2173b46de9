import type { PoseReading } from "./pose";
import { afterRaise, LOWERED, type Raise } from "./raise";
import { afterRest, beforeRest, type Rest } from "./rest";
import type { Settings } from "./settings";

/** What the page knows of the person's arms. */
export interface PoseState {
  /** The last frame; null without both shoulders. */
  readonly reading: PoseReading | null;
  readonly atMs: number;
  readonly raise: Raise;
  /** The rest of the take that is recorded; null while none is. */
  readonly rest: Rest | null;
}

/** One frame, and what the page does at that time. */
export interface Moment {
  readonly reading: PoseReading | null;
  readonly atMs: number;
  /** Whether a take is recorded. */
  readonly recording: boolean;
  /** Whether it is long enough to be stopped. */
  readonly stoppable: boolean;
}

export function beginPose(): PoseState {
  return { reading: null, atMs: -Infinity, raise: LOWERED, rest: null };
}

/** The arms after a frame, and their signal: a raised hand, or during a take a return to rest. */
export function afterMoment(
  state: PoseState,
  { reading, atMs, recording, stoppable }: Moment,
  settings: Settings,
): readonly [PoseState, "raise" | "rest" | null] {
  const [raise, raised] = afterRaise(state.raise, reading, atMs, settings);
  if (!recording) return [{ reading, atMs, raise, rest: null }, raised ? "raise" : null];
  const before = state.rest ?? beforeRest(state.raise.raised);
  const [after, returned] = afterRest(before, reading, atMs, settings);
  // a rest that comes too early counts when the take is long enough, if the person rests still
  const rest = returned && !stoppable ? { ...after, moved: true } : after;
  return [{ reading, atMs, raise, rest }, returned && stoppable ? "rest" : null];
}
