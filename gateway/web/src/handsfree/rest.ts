import type { Point } from "../live/geometry";
import type { PoseReading } from "./pose";
import { LONGEST_GAP_MS } from "./raise";
import type { Settings } from "./settings";

/** A return to rest: first the arms do something, then they rest. */
export interface Rest {
  /** The last frames, the oldest first. */
  readonly recent: readonly PoseReading[];
  /** Since when the arms do something, without a rest between; null while they rest. */
  readonly busySinceMs: number | null;
  /** Whether they have done something since the beginning. */
  readonly moved: boolean;
  /** Since when they rest; null while they do not. */
  readonly restSinceMs: number | null;
  /** Whether a hand that was raised at the beginning has yet to come down: bringing it down is no gesture. */
  readonly lowering: boolean;
}

/** For so long the arms must do something, so that one wrong frame is no movement. */
export const MOVED_MS = 500;
/** The time in which `restMovement` is measured. */
export const WINDOW_MS = 400;

type Sensitivity = Pick<Settings, "restHeight" | "restMovement" | "restMs">;

/** The beginning of a take. `raised`: whether the hand that started it is still up. */
export function beforeRest(raised: boolean): Rest {
  return { recent: [], busySinceMs: null, moved: false, restSinceMs: null, lowering: raised };
}

/** The arms after a frame, and whether they have returned to rest now. Frames without a body change nothing. */
export function afterRest(
  rest: Rest,
  reading: PoseReading | null,
  atMs: number,
  { restHeight, restMovement, restMs }: Sensitivity,
): readonly [Rest, signal: boolean] {
  if (reading === null) return [rest, false];
  const gap = atMs - (rest.recent.at(-1)?.atMs ?? -Infinity) > LONGEST_GAP_MS;
  const recent = [...(gap ? [] : rest.recent).filter((frame) => atMs - frame.atMs <= WINDOW_MS), reading];
  if ((reading.lift ?? -Infinity) > restHeight || movement(recent) > restMovement) {
    const busySinceMs = gap || rest.busySinceMs === null ? atMs : rest.busySinceMs;
    const moved = rest.moved || (!rest.lowering && atMs - busySinceMs >= MOVED_MS);
    return [{ ...rest, recent, busySinceMs, moved, restSinceMs: null }, false];
  }
  const restSinceMs = gap || rest.restSinceMs === null ? atMs : rest.restSinceMs;
  const signal = rest.moved && atMs - restSinceMs >= restMs;
  return [{ recent, busySinceMs: null, moved: rest.moved && !signal, restSinceMs, lowering: false }, signal];
}

/** How far the wrist that moved most has moved in these frames, in shoulder widths; a wrist that came or went has not. */
export function movement(frames: readonly PoseReading[]): number {
  const paths = [0, 1].map((side) => frames.flatMap(({ wrists }) => wrists[side] ?? []));
  return Math.max(0, ...paths.map(extent));
}

function extent(path: readonly Point[]): number {
  const xs = path.map(({ x }) => x);
  const ys = path.map(({ y }) => y);
  return path.length < 2 ? 0 : Math.hypot(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys));
}

/** How much of the time the arms have rested, 0 to 1; 0 before they have done something. */
export function restShare({ moved, restSinceMs }: Rest, atMs: number, restMs: number): number {
  return !moved || restSinceMs === null ? 0 : Math.min(1, (atMs - restSinceMs) / restMs);
}
