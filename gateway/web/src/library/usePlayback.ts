import { useCallback, useEffect, useRef, useState } from "react";

import { frameBegunAt } from "./presence";

/** The speeds at which a capture can be shown; 1 is the recorded one. */
export const SPEEDS = [0.25, 0.5, 1, 2] as const;

/** The longest time that counts between two steps: after a page was in the background, the figure must not jump. */
const LONGEST_STEP_MS = 250;

export interface Playback {
  /** The frame to show. */
  readonly frame: number;
  readonly speed: number;
  /** Shows a frame, and goes on from it if it plays. */
  readonly seek: (frame: number) => void;
  readonly setSpeed: (speed: number) => void;
}

/** Plays the frames of a capture again and again. They begin at `times` and end at `end`, in milliseconds. */
export function usePlayback(times: readonly number[], end: number, playing: boolean): Playback {
  const [frame, setFrame] = useState(0);
  const [speed, setSpeed] = useState<number>(1);
  const clock = useRef(0);

  useEffect(() => {
    if (!playing) return undefined;
    let before: number | null = null;
    let request = requestAnimationFrame(function step(now) {
      const passed = Math.min(now - (before ?? now), LONGEST_STEP_MS);
      before = now;
      clock.current = (clock.current + speed * passed) % end;
      setFrame(frameBegunAt(times, clock.current));
      request = requestAnimationFrame(step);
    });
    return () => cancelAnimationFrame(request);
  }, [end, playing, speed, times]);

  const seek = useCallback(
    (to: number) => {
      clock.current = times[to] ?? 0;
      setFrame(to);
    },
    [times],
  );
  return { frame, speed, seek, setSpeed };
}
