import { useCallback, useEffect } from "react";

import { useLibraryApi, type LibraryCapture, type LibraryCaptureWithHistory } from "./api";
import { useAnswer, type Answered } from "./useAnswer";

export interface LoadedCapture extends Pick<Answered<LibraryCaptureWithHistory>, "failure" | "reload"> {
  /** Null until the server has answered. */
  readonly capture: LibraryCaptureWithHistory | null;
  /** Shows a change to a capture, if it is this one, and asks the server again. */
  readonly change: (captureId: string, change: Partial<LibraryCapture>) => void;
}

/** How often the page asks whether a file that is to be erased is gone, in milliseconds. */
export const ERASING_MS = 2_000;

/** One capture with its history. While its file waits to be erased, it is loaded again and again. */
export function useLibraryCapture(captureId: string): LoadedCapture {
  const api = useLibraryApi();
  const ask = useCallback(() => api.capture(captureId), [api, captureId]);
  const { answer: capture, failure, reload, change: changeAnswer } = useAnswer(ask);

  const erasing = capture !== null && isBeingErased(capture);
  useEffect(() => {
    if (!erasing) return undefined;
    const timer = setInterval(reload, ERASING_MS);
    return () => clearInterval(timer);
  }, [erasing, reload]);

  const change = useCallback(
    (changed: string, what: Partial<LibraryCapture>) => {
      changeAnswer((before) => (before.capture_id === changed ? { ...before, ...what } : before));
      reload();
    },
    [changeAnswer, reload],
  );
  return { capture, failure, reload, change };
}

/** Whether a withdrawal asked for the file to be erased, and it is not yet. */
export function isBeingErased({ state, history }: Pick<LibraryCaptureWithHistory, "state" | "history">): boolean {
  return state === "withdrawn" && history.some(({ details }) => details["erase"] === true);
}
