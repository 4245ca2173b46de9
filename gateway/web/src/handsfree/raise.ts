import type { PoseReading } from "./pose";
import type { Settings } from "./settings";

/** A hand that is raised, and stays so. */
export interface Raise {
  /** Since when it is above the height; null while it is not. */
  readonly sinceMs: number | null;
  /** When it was last seen above the height. */
  readonly lastMs: number;
  /** Whether it has counted: it must come down before it counts again. */
  readonly raised: boolean;
}

export const LOWERED: Raise = { sinceMs: null, lastMs: -Infinity, raised: false };

/** For how long frames without arms, or no frames at all, do not interrupt a raised hand or a rest. */
export const LONGEST_GAP_MS = 1000;
/** How far a hand must come down below the height, in shoulder widths: at the height itself it would tremble up and down. */
export const HYSTERESIS = 0.15;

type Sensitivity = Pick<Settings, "raiseHeight" | "raiseMs">;

/** The hand after a frame, and whether it is raised now. A frame without a wrist never raises it, and never lowers it. */
export function afterRaise(
  raise: Raise,
  reading: PoseReading | null,
  atMs: number,
  { raiseHeight, raiseMs }: Sensitivity,
): readonly [Raise, signal: boolean] {
  const height = reading?.raise ?? null;
  const stale = atMs - raise.lastMs > LONGEST_GAP_MS;
  if (height === null) return [stale ? { ...raise, sinceMs: null } : raise, false];
  if (height <= raiseHeight - HYSTERESIS) return [LOWERED, false];
  if (height < raiseHeight) return [{ ...raise, sinceMs: null }, false];
  const sinceMs = stale || raise.sinceMs === null ? atMs : raise.sinceMs;
  const signal = !raise.raised && atMs - sinceMs >= raiseMs;
  return [{ sinceMs, lastMs: atMs, raised: raise.raised || signal }, signal];
}

/** How much of the time a hand has been raised, 0 to 1; 0 for one that has counted. */
export function raiseShare({ sinceMs, raised }: Raise, atMs: number, raiseMs: number): number {
  return raised || sinceMs === null ? 0 : Math.min(1, (atMs - sinceMs) / raiseMs);
}

/** Whether a hand is up and has not counted yet. */
export function isRising({ sinceMs, raised }: Raise): boolean {
  return sinceMs !== null && !raised;
}
