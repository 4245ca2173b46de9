import { useState, type ReactNode } from "react";

import type { Failure } from "../api/failure";
import type { Camera } from "../camera/useCamera";
import { usePageHidden } from "../camera/usePageHidden";
import { Button } from "../components/Button";
import { ErrorBanner } from "../components/ErrorBanner";
import { useWords } from "../words";
import { captureFailure } from "./failures";
import { isCapturing, type CaptureState } from "./protocol";
import type { CaptureHandle } from "./useCapture";

export interface CaptureFailuresProps {
  readonly camera: Camera;
  readonly handle: CaptureHandle;
}

/** Shows the failures of the camera and of the capture, above the picture. */
export function CaptureFailures({ camera, handle }: CaptureFailuresProps) {
  const { camera: words } = useWords().capture;
  const state = handle.capture?.state ?? null;
  const failure = state?.failure?.code === "capture_cancelled" ? null : (state?.failure ?? null);
  // the capture's own failure already says that the camera was disconnected, so the camera's failure is not shown
  const isSaid = failure?.code === "capture_interrupted" && camera.failure?.code === "camera_unplugged";
  const again: ReactNode = camera.failure?.code !== "camera_insecure" && (
    <Button onClick={() => void camera.start()}>{words.again}</Button>
  );
  const shown = handle.failure ?? failure;
  return (
    <>
      <ErrorBanner failure={isSaid ? null : camera.failure}>{again}</ErrorBanner>
      <ErrorBanner failure={shown}>{isSaid && again}</ErrorBanner>
      <CaptureWarnings camera={camera} handle={handle} />
    </>
  );
}

/** Shows what is wrong in a capture that goes on: the server is silent, the picture is black. */
export function CaptureWarnings({ camera, handle }: CaptureFailuresProps) {
  const background = useBackground(handle);
  const state = handle.capture?.state ?? null;
  return (
    <>
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

/** A warning if the page was in the background during this capture; it stays until the next capture. */
function useBackground({ capture }: CaptureHandle): Failure | null {
  const hidden = usePageHidden();
  const captureId = capture?.window.captureId ?? null;
  const capturing = capture !== null && isCapturing(capture.state);
  const [hiddenId, setHiddenId] = useState<string | null>(null);
  if (hidden && capturing && hiddenId !== captureId) setHiddenId(captureId);
  const { cut = null, failure = null } = capture?.state ?? {};
  if (cut ?? failure) return null; // the capture ended early and says why
  return captureId !== null && hiddenId === captureId ? captureFailure("page_in_background") : null;
}
