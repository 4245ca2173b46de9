import { useEffect, useEffectEvent, useState, type RefObject } from "react";

import type { LiveResult } from "../api/messages";
import { thumbnail } from "../camera/PictureWatch";
import { usePageHidden } from "../camera/usePageHidden";
import { useFrames } from "../live/useFrames";
import { useRealtime } from "../live/useRealtime";
import { afterFrame, CONDITIONS, isFulfilled, lightOf, type Condition, type Framing } from "./framing";

export interface FramingHandle {
  /** Whether each condition is fulfilled; null before the first answer. */
  readonly conditions: Readonly<Record<Condition, boolean>> | null;
  /** Whether all of them are. */
  readonly ready: boolean;
  /** Whether the server does not answer, so that nothing can be checked. */
  readonly away: boolean;
}

const PIPELINE = "holistic";

/** While `on`, checks over the real-time lane what is in the picture of `video`. Nothing of it is kept. */
export function useFraming(video: RefObject<HTMLVideoElement | null>, on: boolean): FramingHandle {
  const [framing, setFraming] = useState<{ readonly seen: Framing; readonly atMs: number } | null>(null);
  const away = useAnswers(video, on, (answer) => {
    if (!answer) return setFraming(null);
    const light = lightOf(video.current && thumbnail(video.current));
    const atMs = performance.now();
    return setFraming({ seen: afterFrame(framing?.seen ?? {}, answer.result.landmarks, light, atMs), atMs });
  });
  const entries = CONDITIONS.map((each) => [each, framing !== null && isFulfilled(framing.seen, each, framing.atMs)]);
  return {
    conditions: framing && (Object.fromEntries(entries) as Record<Condition, boolean>),
    ready: entries.every(([, fulfilled]) => fulfilled),
    away,
  };
}

/** While `on`, gives every answer of the lane to `read`; null if there is none. Returns whether the lane has failed. */
function useAnswers(
  video: RefObject<HTMLVideoElement | null>,
  on: boolean,
  read: (answer: LiveResult | null) => void,
): boolean {
  const { state, connect, disconnect } = useRealtime();
  const { lastResult, failure } = state;
  const hidden = usePageHidden();
  useFrames(video, on && !hidden);
  useEffect(() => {
    if (!on) return undefined;
    connect(PIPELINE);
    return disconnect;
  }, [on, connect, disconnect]);
  const latest = useEffectEvent(read);
  useEffect(() => latest(lastResult), [lastResult]);
  return on && failure !== null;
}
