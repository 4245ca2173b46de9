import type { ClientLimits } from "../api/messages";
import { aimBytes, fpsOf } from "./limits";

/** How many ticks there are to a frame; more when the server asked for fewer frames. */
export interface Pace {
  readonly ticksPerFrame: number;
  /** When it was changed last, in the caller's milliseconds. */
  readonly changedAtMs: number;
}

export const FULL_PACE: Pace = { ticksPerFrame: 1, changedAtMs: -Infinity };

const SLOWER_AFTER_MS = 500;
const FASTER_AFTER_MS = 1500;

/** A frame a second is the least, or more if the server gives up sooner on a capture that shows nothing. */
function slowestTicks(limits: ClientLimits): number {
  return Math.max(1, Math.floor(fpsOf(limits) * Math.min(1, limits.idle_timeout_s / 3)));
}

/** Slower quickly, faster slowly, one step at a time, as long as the server says or does not say `slow_down`. */
export function adapt(pace: Pace, slowDown: boolean, nowMs: number, limits: ClientLimits): Pace {
  const since = nowMs - pace.changedAtMs;
  if (slowDown && pace.ticksPerFrame < slowestTicks(limits) && since >= SLOWER_AFTER_MS) {
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
export function maxAheadFrames(limits: ClientLimits): number {
  return 2 * fpsOf(limits);
}

const BEST_QUALITY = 0.85;
/** Landmarks are found still; a frame that is too large even so is taken again, worse: see `grabJpeg`. */
const WORST_QUALITY = 0.3;

export const FIRST_QUALITY = 0.8;

/** The JPEG quality for the next frame, after one of `byteLength`: a noisy picture must not outgrow the limits. */
export function nextQuality(quality: number, byteLength: number, limits: ClientLimits): number {
  const aim = aimBytes(limits);
  if (byteLength > aim) return Math.max(WORST_QUALITY, quality - 0.05);
  if (byteLength < 0.7 * aim) return Math.min(BEST_QUALITY, quality + 0.01);
  return quality;
}
