import { useEffect, type RefObject } from "react";

import type { Failure } from "../api/failure";
import type { Size } from "../camera/grab";
import { endsCapture, interruptionFailure, isTurned, type PageEvent } from "./interruptions";

/** While `running`, calls `interrupt` if the page goes to the background of a phone, or if the device is turned. */
export function useInterruptions(
  video: RefObject<HTMLVideoElement | null>,
  running: boolean,
  interrupt: (why: Failure) => void,
): void {
  useEffect(() => {
    if (!running) return undefined;
    const element = video.current;
    const first = sizeOf(element);
    const handheld = window.matchMedia("(pointer: coarse)").matches;
    let left = false;
    const happened = (event: Event) => {
      const { type, persisted = false } = event as PageEvent;
      left ||= type === "pagehide" && !persisted; // browsers hide a page that is left, after this event
      const hidden = document.visibilityState === "hidden";
      if (!left && endsCapture({ type, persisted }, { hidden, handheld }))
        interrupt(interruptionFailure("page_hidden"));
    };
    const resized = () => {
      if (isTurned(first, sizeOf(element))) interrupt(interruptionFailure("picture_turned"));
    };
    const events = [
      [document, "visibilitychange", happened],
      [document, "freeze", happened],
      [window, "pagehide", happened],
      [element, "resize", resized],
    ] as const;
    for (const [target, name, listener] of events) target?.addEventListener(name, listener);
    return () => {
      for (const [target, name, listener] of events) target?.removeEventListener(name, listener);
    };
  }, [video, running, interrupt]);
}

function sizeOf(video: HTMLVideoElement | null): Size {
  return { width: video?.videoWidth ?? 0, height: video?.videoHeight ?? 0 };
}
