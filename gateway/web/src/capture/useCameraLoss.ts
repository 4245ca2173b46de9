import { useEffect } from "react";

import type { Camera } from "../camera/useCamera";
import { captureFailure } from "./failures";
import { isRunning } from "./protocol";
import type { CaptureHandle } from "./useCapture";

/** Ends the capture early, with the pictures so far, if the camera is gone or delivers no more. */
export function useCameraLoss({ status, muted }: Camera, { capture, interrupt }: CaptureHandle): void {
  const running = capture !== null && isRunning(capture.state);
  const lost = running && status !== "ready";
  const silent = running && muted;
  useEffect(() => {
    if (lost) interrupt(captureFailure("capture_interrupted"));
    else if (silent) interrupt(captureFailure("camera_muted"));
  }, [lost, silent, interrupt]);
}
