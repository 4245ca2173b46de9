import constants from "../api/constants.json";
import { ApiError } from "../api/failure";
import { json, type Send } from "../api/http";
import type { ClientLimits } from "../api/messages";

/** A server's default limits. The page uses them until the server has sent its own. */
export const DEFAULT_LIMITS: ClientLimits = constants.capture_limits;

/** The most pictures a second, also if the server accepts more: few cameras deliver more. */
const CAMERA_FPS = 30;
/** How long before the server's limit the page stops a capture. */
const SAFETY_MS = 500;

/**
 * Asks the server for its limits. The server fixes a capture's limits when it is opened, so ask before each capture.
 * @throws ApiError if the server does not answer.
 */
export async function askLimits(send: Send): Promise<ClientLimits> {
  try {
    return await json<ClientLimits>(await send("GET", "/camera_feed_worker/limits", { timeoutMs: 5_000 }));
  } catch (error) {
    if (error instanceof ApiError && error.code === "not_found") return DEFAULT_LIMITS; // an older server has no such route
    throw error;
  }
}

/** The number of pictures a second that the page tries to send. */
export function fpsOf({ max_fps }: ClientLimits): number {
  return Math.min(max_fps, CAMERA_FPS);
}

export function minDurationMs({ min_duration_s }: ClientLimits): number {
  return 1000 * min_duration_s;
}

/** The time after which the page stops a capture. */
export function maxDurationMs({ max_duration_s, min_duration_s }: ClientLimits): number {
  return Math.max(1000 * max_duration_s - SAFETY_MS, 1000 * min_duration_s);
}

/** The size to aim at for a frame, in bytes: below its limit, and below the average that the longest capture allows. */
export function aimBytes({ max_total_bytes, max_frames, max_frame_bytes }: ClientLimits): number {
  return Math.floor(Math.min((0.95 * max_total_bytes) / max_frames, 0.9 * max_frame_bytes));
}
