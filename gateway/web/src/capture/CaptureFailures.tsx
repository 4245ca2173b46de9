import { useState, type ReactNode } from "react";

import type { Failure } from "../api/failure";
import type { Camera } from "../camera/useCamera";
import { usePageHidden } from "../camera/usePageHidden";
import { Button } from "../components/Button";
import { ErrorBanner } from "../components/ErrorBanner";
import { captureFailure } from "./failures";
import { isCapturing, type CaptureState } from "./protocol";
import type { CaptureHandle } from "./useCapture";

export interface CaptureFailuresProps {
  readonly camera: Camera;
  readonly handle: CaptureHandle;
}

/** All that is wrong with the camera or the capture, where the picture is. */
export function CaptureFailures({ camera, handle }: CaptureFailuresProps) {
  const background = useBackground(handle);
  const state = handle.capture?.state ?? null;
  const failure = state?.failure?.code === "capture_cancelled" ? null : (state?.failure ?? null);
  // a capture that lost its camera says so itself, and what to do about it
  const said = failure?.code === "capture_interrupted" && camera.failure?.code === "camera_unplugged";
  const again: ReactNode = camera.failure?.code !== "camera_insecure" && (
    <Button onClick={() => void camera.start()}>Try the camera again</Button>
  );
  const shown = handle.failure ?? failure;
  return (
    <>
      <ErrorBanner failure={said ? null : camera.failure}>{again}</ErrorBanner>
      <ErrorBanner failure={shown}>{said && again}</ErrorBanner>
      <ErrorBanner failure={state?.trouble ?? (state && silence(state))} />
      <ErrorBanner failure={pictureFailure(camera, state) ?? background} tone="warning" />
    </>
  );
}

function silence({ silent, phase }: CaptureState): Failure | null {
  if (!silent) return null;
  if (phase === "closing") return captureFailure("server_silent_closing");
  return captureFailure(phase === "recording" ? "server_silent_now" : "server_silent_before");
}

function pictureFailure(camera: Camera, state: CaptureState | null): Failure | null {
  if (camera.muted) return captureFailure("camera_muted_now");
  if (state?.phase !== "recording" || state.picture === "live") return null;
  return captureFailure(`picture_${state.picture}`);
}

/** The notice that this capture was in the background for a while; it stays until the next capture. */
function useBackground({ capture }: CaptureHandle): Failure | null {
  const hidden = usePageHidden();
  const captureId = capture?.window.captureId ?? null;
  const capturing = capture !== null && isCapturing(capture.state);
  const [hiddenId, setHiddenId] = useState<string | null>(null);
  if (hidden && capturing && hiddenId !== captureId) setHiddenId(captureId);
  return captureId !== null && hiddenId === captureId ? captureFailure("page_in_background") : null;
}
