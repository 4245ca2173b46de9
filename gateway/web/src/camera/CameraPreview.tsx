import { useEffect, useImperativeHandle, useRef, type ReactNode, type Ref } from "react";

import "../styles/camera.css";

export interface CameraPreviewProps {
  readonly stream: MediaStream | null;
  /** The element that shows the pictures, to grab frames from. Its data is as the camera sees it. */
  readonly video: Ref<HTMLVideoElement | null>;
  /** Shown the other way round, as people know themselves from a mirror. */
  readonly mirrored?: boolean;
  /** What is drawn over the picture, or stands in its place while there is none. */
  readonly children?: ReactNode;
}

/** What the camera sees now. */
export function CameraPreview({ stream, video, mirrored = true, children }: CameraPreviewProps) {
  const own = useRef<HTMLVideoElement>(null);
  useImperativeHandle<HTMLVideoElement | null, HTMLVideoElement | null>(video, () => own.current);

  useEffect(() => {
    const element = own.current;
    if (!element || element.srcObject === stream) return;
    element.srcObject = stream;
    // A browser that refuses to play leaves the picture empty; no frame is grabbed from an empty picture.
    if (stream) void Promise.resolve(element.play()).catch(() => undefined);
  }, [stream]);

  return (
    <div className="camera">
      <video
        ref={own}
        className={mirrored ? "camera-video camera-mirrored" : "camera-video"}
        aria-label="What the camera sees"
        hidden={stream === null}
        autoPlay
        muted
        playsInline
      />
      {children}
    </div>
  );
}
