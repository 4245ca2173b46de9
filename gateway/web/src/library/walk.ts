import type { LibraryCapture } from "./api";

/** The captures beside one in a list. */
export interface Neighbours {
  /** Its number in the list, from 1; null if the list does not have it (any more). */
  readonly place: number | null;
  readonly previous: LibraryCapture | null;
  readonly next: LibraryCapture | null;
}

type Listed = Pick<LibraryCapture, "capture_id" | "recorded_at">;

/**
 * The captures beside `capture` in a list whose newest capture is first. A list may not have it: a verdict takes it out
 * of those that wait for one. Then its neighbours are those between which it would be.
 */
export function neighboursOf(captures: readonly LibraryCapture[], capture: Listed): Neighbours {
  const at = captures.findIndex(({ capture_id }) => capture_id === capture.capture_id);
  if (at >= 0) return { place: at + 1, previous: captures[at - 1] ?? null, next: captures[at + 1] ?? null };
  const older = captures.findIndex((other) => isNewer(capture, other));
  const before = older < 0 ? captures.length : older;
  return { place: null, previous: captures[before - 1] ?? null, next: captures[before] ?? null };
}

function isNewer(one: Listed, other: Listed): boolean {
  if (one.recorded_at !== other.recorded_at) return one.recorded_at > other.recorded_at;
  return one.capture_id > other.capture_id;
}

/** Whether more of the list must be loaded before it is known what comes after a capture. */
export function needsMore(captures: readonly LibraryCapture[], more: boolean, capture: Listed): boolean {
  return more && neighboursOf(captures, capture).next === null;
}
