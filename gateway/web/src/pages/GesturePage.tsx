import { useEffect, useRef, useState } from "react";

import type { Failure } from "../api/failure";
import { useCamera, type Camera } from "../camera/useCamera";
import { usePageHidden } from "../camera/usePageHidden";
import { CaptureNumbers } from "../capture/CaptureNumbers";
import { CaptureResult } from "../capture/CaptureResult";
import { CaptureStage } from "../capture/CaptureStage";
import { captureFailure, endsSession } from "../capture/failures";
import { canStop, isCapturing, isOver, type CaptureState } from "../capture/protocol";
import { useCapture, type CaptureHandle } from "../capture/useCapture";
import { useLeaveWarning } from "../capture/useLeaveWarning";
import { endBlocked, statusOf } from "../capture/words";
import { Button } from "../components/Button";
import { Card } from "../components/Card";
import { ErrorBanner } from "../components/ErrorBanner";
import { Field } from "../components/Field";
import { Page } from "../components/Page";
import { StatusText } from "../components/StatusText";
import { NO_SESSION, SessionCard } from "../session/SessionCard";
import { useSession } from "../session/useSession";
import "../styles/capture.css";

const INTENT_CHARACTERS = 256;

/** Session, camera, one bounded capture after the other, and what was recorded of each. */
export function GesturePage() {
  const { session, lose } = useSession();
  const video = useRef<HTMLVideoElement>(null);
  const camera = useCamera();
  const handle = useCapture(video, session);
  const state = handle.capture?.state ?? null;
  const capturing = state !== null && isCapturing(state);
  const [intent, setIntent] = useState("");
  useLeaveWarning(capturing);
  useCameraLoss(camera, handle, capturing);

  const over = state?.failure && endsSession(state.failure.code) ? state.failure : null;
  useEffect(() => {
    if (over) lose(over);
  }, [over, lose]);

  const place = useRef<HTMLDivElement>(null);
  function begin() {
    void handle.begin(intent);
    place.current?.scrollIntoView({ block: "nearest" }); // the mirror and Stop, on small screens too
  }

  const { tone, words } = statusOf(handle.capture);
  return (
    <Page
      title="Capture a gesture"
      lead="Start a session, turn the camera on, and record a gesture of up to two minutes. Only landmarks are kept, never the pictures."
    >
      <SessionCard endBlocked={endBlocked(handle.capture)} />
      <Card title="Capture">
        <div className="capture">
          <div className="stack" ref={place}>
            <div className="capture-head">
              <StatusText label="Capture" tone={tone}>
                {words}
              </StatusText>
              <CameraButton camera={camera} capturing={capturing} />
            </div>
            <CaptureFailures camera={camera} handle={handle} capturing={capturing} />
            <CaptureStage camera={camera} video={video} state={state} />
            <CaptureButtons camera={camera} handle={handle} begin={session ? begin : null} />
          </div>
          <div className="stack">
            <Field
              label="What is meant (optional)"
              hint="The meaning of the gesture, for example “more”. It is written into the record."
              value={intent}
              onChange={capturing ? undefined : setIntent}
              maxLength={INTENT_CHARACTERS}
            />
            <CaptureNumbers state={state} />
          </div>
        </div>
      </Card>
      <CaptureResult capture={handle.capture} />
    </Page>
  );
}

interface CameraButtonProps {
  readonly camera: Camera;
  readonly capturing: boolean;
}

function CameraButton({ camera, capturing }: CameraButtonProps) {
  const on = camera.status === "ready";
  return (
    <Button
      tone={on ? "quiet" : "primary"}
      busy={camera.status === "asking"}
      blocked={on && capturing ? "The capture needs it." : undefined}
      onClick={on ? camera.stop : () => void camera.start()}
    >
      {on ? "Turn the camera off" : camera.status === "failed" ? "Try the camera again" : "Turn the camera on"}
    </Button>
  );
}

interface ButtonsProps {
  readonly camera: Camera;
  readonly handle: CaptureHandle;
  /** Null without a session. */
  readonly begin: (() => void) | null;
}

function CaptureButtons({ camera, handle, begin }: ButtonsProps) {
  const state = handle.capture?.state ?? null;
  const busy = state !== null && !isOver(state);
  const waiting = state?.phase === "opening" || state?.phase === "counting";
  const cameraOn = camera.status === "ready";
  const notNow = busy
    ? "A capture is under way."
    : begin === null
      ? NO_SESSION
      : cameraOn
        ? undefined
        : "Turn the camera on first.";
  return (
    <div className="actions">
      <Button blocked={notNow} {...(begin ? { onClick: begin } : {})}>
        Capture Bounded Gesture (≤ {handle.limits.max_duration_s} s)
      </Button>
      <Button tone="danger" blocked={stopBlocked(state)} onClick={handle.stop}>
        Stop
      </Button>
      {waiting && (
        <Button tone="quiet" onClick={() => handle.fail(captureFailure("capture_cancelled"))}>
          Cancel
        </Button>
      )}
      {state?.phase === "settling" && (
        <Button tone="quiet" onClick={() => handle.fail(captureFailure("outcome_unknown"))}>
          Do not wait
        </Button>
      )}
    </div>
  );
}

function stopBlocked(state: CaptureState | null): string | undefined {
  if (state && canStop(state)) return undefined;
  if (state?.phase !== "recording") return "Not recording.";
  const { min_duration_s } = state.limits;
  return min_duration_s === 2 ? "From two seconds on." : `From ${min_duration_s} seconds on.`;
}

interface FailuresProps {
  readonly camera: Camera;
  readonly handle: CaptureHandle;
  readonly capturing: boolean;
}

function CaptureFailures({ camera, handle, capturing }: FailuresProps) {
  const background = useBackground(handle, capturing);
  const state = handle.capture?.state ?? null;
  const { failure = null } = state ?? {};
  // the session's card says what became of the session, the status that the person cancelled
  const shown = failure && !endsSession(failure.code) && failure.code !== "capture_cancelled" ? failure : null;
  // a capture that lost its camera says so itself, and what to do about it
  const said = shown?.code === "capture_interrupted" && camera.failure?.code === "camera_unplugged";
  return (
    <>
      <ErrorBanner failure={said ? null : camera.failure} />
      <ErrorBanner failure={handle.failure ?? shown} />
      <ErrorBanner failure={state?.trouble ?? null} />
      <ErrorBanner failure={background} tone="warning" />
    </>
  );
}

/** The notice that this capture was in the background for a while; it stays until the next capture. */
function useBackground({ capture }: CaptureHandle, capturing: boolean): Failure | null {
  const hidden = usePageHidden();
  const captureId = capture?.window.captureId ?? null;
  const [hiddenId, setHiddenId] = useState<string | null>(null);
  if (hidden && capturing && hiddenId !== captureId) setHiddenId(captureId);
  return captureId !== null && hiddenId === captureId ? captureFailure("page_in_background") : null;
}

/** A capture without a camera is over. */
function useCameraLoss(camera: Camera, { fail }: CaptureHandle, capturing: boolean): void {
  const lost = capturing && camera.status !== "ready";
  useEffect(() => {
    if (lost) fail(captureFailure("capture_interrupted"));
  }, [lost, fail]);
}
