import { useEffect } from "react";

import type { CaptureList } from "./CaptureList";
import type { LibraryCapture } from "./api";
import { useCaptureList } from "./useCaptureList";
import { neighboursOf, needsMore, type Neighbours } from "./walk";

export interface Walk extends Neighbours {
  readonly list: CaptureList;
  /** How many captures the list has; null before the server has said it. */
  readonly total: number | null;
  /** Whether what comes next is not known yet. */
  readonly loading: boolean;
}

/** The place of a capture in the list that a query narrows to. It loads as much of the list as that needs. */
export function useWalk(query: string, captureId: string, capture: Pick<LibraryCapture, "recorded_at"> | null): Walk {
  const { list, state } = useCaptureList(query);
  // the list may know the capture before the server has sent its history, and the other way round
  const listed = state.captures.find(({ capture_id }) => capture_id === captureId);
  const recordedAt = listed?.recorded_at ?? capture?.recorded_at;
  const here = recordedAt === undefined ? null : { capture_id: captureId, recorded_at: recordedAt };
  const wanted = here !== null && needsMore(state.captures, state.more, here);
  const waits = wanted && !state.loading && state.failure === null;

  useEffect(() => {
    if (waits) void list.loadMore(); // `waits` is false while it loads, so a list that needs still more asks again
  }, [list, waits]);

  const beside = here ? neighboursOf(state.captures, here) : { place: null, previous: null, next: null };
  return { ...beside, list, total: state.total, loading: here === null || wanted };
}
