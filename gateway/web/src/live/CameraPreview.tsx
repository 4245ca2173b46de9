import { useEffect, useRef } from "react";

import { CameraChoice, isMirrored } from "../camera/CameraChoice";
import { CameraPreview as Preview } from "../camera/CameraPreview";
import type { Camera } from "../camera/useCamera";
import { usePageHidden } from "../camera/usePageHidden";
import { Button } from "../components/Button";
import { ErrorBanner } from "../components/ErrorBanner";
import { useWords } from "../words";
import { RealtimeOverlay } from "./RealtimeOverlay";
import { useFrames } from "./useFrames";

export interface CameraPreviewProps {
  readonly camera: Camera;
}

/** Turns the camera on while it is shown, sends its pictures to the server, and draws the results over them. */
export function CameraPreview({ camera }: CameraPreviewProps) {
  const { status, stream, failure, start, stop } = camera;
  const video = useRef<HTMLVideoElement>(null);
  const hidden = usePageHidden();
  const { capture, live } = useWords();

  useEffect(() => {
    void start();
    return stop;
  }, [start, stop]);
  useFrames(video, status === "ready" && !hidden);

  return (
    <>
      <ErrorBanner failure={failure}>
        <Button onClick={() => void start()}>{capture.camera.again}</Button>
      </ErrorBanner>
      <Preview stream={stream} video={video} mirrored={isMirrored(camera)}>
        {status === "ready" && <RealtimeOverlay video={video} mirrored={isMirrored(camera)} />}
        {status === "asking" && <p className="live-placeholder">{capture.camera.allow}</p>}
        {status === "failed" && <p className="live-placeholder">{live.noPicture}</p>}
      </Preview>
      <CameraChoice camera={camera} />
    </>
  );
}
