import { CAPTURE_LIMITS } from "../api/skeleton";

/** How many ticks there are to a frame; more when the server asked for fewer frames. */
export interface Pace {
  readonly ticksPerFrame: number;
  /** When it was changed last, in the caller's milliseconds. */
  readonly changedAtMs: number;
}

export const FULL_PACE: Pace = { ticksPerFrame: 1, changedAtMs: -Infinity };

/** One frame a second is the least at 15 ticks a second: the server gives up on a capture that shows nothing for 5 s. */
const SLOWEST_TICKS = 15;
const SLOWER_AFTER_MS = 500;
const FASTER_AFTER_MS = 1500;

/** Slower quickly, faster slowly, one step at a time, as long as the server says or does not say `slow_down`. */
export function adapt(pace: Pace, slowDown: boolean, nowMs: number): Pace {
  const since = nowMs - pace.changedAtMs;
  if (slowDown && pace.ticksPerFrame < SLOWEST_TICKS && since >= SLOWER_AFTER_MS) {
    return { ticksPerFrame: pace.ticksPerFrame + 1, changedAtMs: nowMs };
  }
  if (!slowDown && pace.ticksPerFrame > 1 && since >= FASTER_AFTER_MS) {
    return { ticksPerFrame: pace.ticksPerFrame - 1, changedAtMs: nowMs };
  }
  return pace;
}

/** What a frame may wait behind in the socket: a fast line never holds this much. */
export const MAX_BUFFERED_BYTES = 256 * 1024;

/** How many frames may be under way to the server's stream: two seconds' worth. */
export const MAX_AHEAD_FRAMES = 30;

/** As many bytes a frame as the longest capture may have on average, less a little. */
const AIM_BYTES = Math.floor((0.95 * CAPTURE_LIMITS.max_total_bytes) / CAPTURE_LIMITS.max_frames);
const BEST_QUALITY = 0.85;
const WORST_QUALITY = 0.3;

export const FIRST_QUALITY = 0.8;

/** The JPEG quality for the next frame, after one of `byteLength`: a noisy picture must not outgrow the limits. */
export function nextQuality(quality: number, byteLength: number): number {
  if (byteLength > AIM_BYTES) return Math.max(WORST_QUALITY, quality - 0.05);
  if (byteLength < 0.7 * AIM_BYTES) return Math.min(BEST_QUALITY, quality + 0.01);
  return quality;
}
