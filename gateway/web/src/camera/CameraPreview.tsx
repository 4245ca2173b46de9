import { useEffect, useImperativeHandle, useRef, type ReactNode, type Ref } from "react";

import "../styles/camera.css";

import { useWords } from "../words";

export interface CameraPreviewProps {
  readonly stream: MediaStream | null;
  /** Gets the element that shows the pictures, for grabbing frames. Those are not mirrored. */
  readonly video: Ref<HTMLVideoElement | null>;
  /** Whether to mirror the picture on the screen. */
  readonly mirrored?: boolean;
  /** Elements over the picture, or in its place while there is none. */
  readonly children?: ReactNode;
}

/** The camera's picture. */
export function CameraPreview({ stream, video, mirrored = true, children }: CameraPreviewProps) {
  const { camera: words } = useWords().capture;
  const own = useRef<HTMLVideoElement>(null);
  useImperativeHandle<HTMLVideoElement | null, HTMLVideoElement | null>(video, () => own.current);

  useEffect(() => {
    const element = own.current;
    if (!element || element.srcObject === stream) return;
    element.srcObject = stream;
    // if the browser refuses to play, the picture stays empty, and the page grabs no frame from it
    if (stream) void Promise.resolve(element.play()).catch(() => undefined);
  }, [stream]);

  return (
    <div className="camera">
      <video
        ref={own}
        className={mirrored ? "camera-video camera-mirrored" : "camera-video"}
        aria-label={words.label}
        hidden={stream === null}
        autoPlay
        muted
        playsInline
      />
      {children}
    </div>
  );
}
