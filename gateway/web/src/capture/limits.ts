import constants from "../api/constants.json";
import { ApiError } from "../api/failure";
import { json, type Send } from "../api/http";
import type { ClientLimits } from "../api/messages";

/** The limits of a server that was not set otherwise: what is shown before the server has told its own. */
export const DEFAULT_LIMITS: ClientLimits = constants.capture_limits;

/** More is not asked of a camera, whatever the server would take. */
const CAMERA_FPS = 30;
/** It stops by itself a little before the server would end it. */
const SAFETY_MS = 500;

/**
 * The limits that the server has now: they are fixed when a capture is opened, so they are asked for before each.
 * @throws ApiError if it does not say.
 */
export async function askLimits(send: Send): Promise<ClientLimits> {
  try {
    return await json<ClientLimits>(await send("GET", "/camera_feed_worker/limits", { timeoutMs: 5_000 }));
  } catch (error) {
    if (error instanceof ApiError && error.code === "not_found") return DEFAULT_LIMITS; // an older server
    throw error;
  }
}

/** How many pictures a second are aimed at. */
export function fpsOf({ max_fps }: ClientLimits): number {
  return Math.min(max_fps, CAMERA_FPS);
}

export function minDurationMs({ min_duration_s }: ClientLimits): number {
  return 1000 * min_duration_s;
}

/** After so long it stops by itself. */
export function maxDurationMs({ max_duration_s, min_duration_s }: ClientLimits): number {
  return Math.max(1000 * max_duration_s - SAFETY_MS, 1000 * min_duration_s);
}

/** What a frame should have at most: less than it may, and no more than the longest capture may have on average. */
export function aimBytes({ max_total_bytes, max_frames, max_frame_bytes }: ClientLimits): number {
  return Math.floor(Math.min((0.95 * max_total_bytes) / max_frames, 0.9 * max_frame_bytes));
}
