import { useEffect, type RefObject } from "react";

import { grabJpeg } from "../camera/grab";
import { useRealtime } from "./useRealtime";

const QUALITY = 0.75;
const LEAST_WAIT_MS = 5;

/** While `running`, sends the pictures of `video` at the rate that the client allows. */
export function useFrames(video: RefObject<HTMLVideoElement | null>, running: boolean): void {
  const { client } = useRealtime();
  useEffect(() => {
    if (!running) return undefined;
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    async function step(): Promise<void> {
      const element = video.current;
      const frame = element && client.takesFrame() ? await grabJpeg(element, { quality: QUALITY }) : null;
      if (over) return;
      if (frame) client.sendFrame(frame.bytes);
      timer = setTimeout(() => void step(), Math.max(LEAST_WAIT_MS, client.waitMs()));
    }
    void step();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [client, running, video]);
}
