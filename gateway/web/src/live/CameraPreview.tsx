import { useEffect, useRef, type RefObject } from "react";

import { CameraChoice, isMirrored } from "../camera/CameraChoice";
import { CameraPreview as Preview } from "../camera/CameraPreview";
import { grabJpeg } from "../camera/grab";
import type { Camera } from "../camera/useCamera";
import { usePageHidden } from "../camera/usePageHidden";
import { Button } from "../components/Button";
import { ErrorBanner } from "../components/ErrorBanner";
import { RealtimeOverlay } from "./RealtimeOverlay";
import { useRealtime } from "./useRealtime";

const QUALITY = 0.75;
const LEAST_WAIT_MS = 5;

export interface CameraPreviewProps {
  readonly camera: Camera;
}

/** Turns the camera on while it is shown, sends its pictures to the server, and draws the results over them. */
export function CameraPreview({ camera }: CameraPreviewProps) {
  const { status, stream, failure, start, stop } = camera;
  const video = useRef<HTMLVideoElement>(null);
  const hidden = usePageHidden();

  useEffect(() => {
    void start();
    return stop;
  }, [start, stop]);
  useFrames(video, status === "ready" && !hidden);

  return (
    <>
      <ErrorBanner failure={failure}>
        <Button onClick={() => void start()}>Try the camera again</Button>
      </ErrorBanner>
      <Preview stream={stream} video={video} mirrored={isMirrored(camera)}>
        {status === "ready" && <RealtimeOverlay video={video} mirrored={isMirrored(camera)} />}
        {status === "asking" && <p className="live-placeholder">Allow the camera when the browser asks for it.</p>}
        {status === "failed" && <p className="live-placeholder">There is no picture.</p>}
      </Preview>
      <CameraChoice camera={camera} />
    </>
  );
}

/** While `running`, sends the pictures of `video` at the rate that the client allows. */
function useFrames(video: RefObject<HTMLVideoElement | null>, running: boolean): void {
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
