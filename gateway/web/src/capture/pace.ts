import type { ClientLimits } from "../api/messages";
import { aimBytes, fpsOf } from "./limits";

/** A frame is sent on every `ticksPerFrame`-th tick. The number grows when the server asks for fewer frames. */
export interface Pace {
  readonly ticksPerFrame: number;
  /** When it was last changed, in the caller's milliseconds. */
  readonly changedAtMs: number;
}

export const FULL_PACE: Pace = { ticksPerFrame: 1, changedAtMs: -Infinity };

const SLOWER_AFTER_MS = 500;
const FASTER_AFTER_MS = 1500;

/** The most ticks per frame: one frame a second, or three in the time after which the server ends an idle capture. */
function slowestTicks(limits: ClientLimits): number {
  return Math.max(1, Math.floor(fpsOf(limits) * Math.min(1, limits.idle_timeout_s / 3)));
}

/** The next pace: one step slower 0.5 s after the last change if the server says `slow_down`, else one faster after 1.5 s. */
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

/** The page sends no frame while the socket's buffer holds more than this. On a fast network it never does. */
export const MAX_BUFFERED_BYTES = 256 * 1024;

/** How many frames may be sent and not yet accepted by the server: two seconds' worth. */
export function maxAheadFrames(limits: ClientLimits): number {
  return 2 * fpsOf(limits);
}

const BEST_QUALITY = 0.85;
/** The server still finds landmarks at this quality. A frame that is still too large is encoded again by `grabJpeg`. */
const WORST_QUALITY = 0.3;

export const FIRST_QUALITY = 0.8;

/** The JPEG quality for the next frame, after one of `byteLength` bytes, so that noisy pictures stay within the limits. */
export function nextQuality(quality: number, byteLength: number, limits: ClientLimits): number {
  const aim = aimBytes(limits);
  if (byteLength > aim) return Math.max(WORST_QUALITY, quality - 0.05);
  if (byteLength < 0.7 * aim) return Math.min(BEST_QUALITY, quality + 0.01);
  return quality;
}
