import type { Ref } from "react";

import { isMirrored } from "../camera/CameraChoice";
import { CameraPreview } from "../camera/CameraPreview";
import type { Camera } from "../camera/useCamera";
import { useWords } from "../words";
import { maxDurationMs } from "./limits";
import type { CaptureState } from "./protocol";
import { useWaitReason } from "./useWaitReason";
import { clock, seenSoFar } from "./words";

export interface CaptureStageProps {
  readonly camera: Camera;
  readonly video: Ref<HTMLVideoElement | null>;
  readonly state: CaptureState | null;
}

/** The camera's picture, with the count-down or the elapsed time over it. The status says the same in words. */
export function CaptureStage({ camera, video, state }: CaptureStageProps) {
  const { capture: words } = useWords();
  const counting = state?.phase === "counting" && !state.silent;
  const reason = useWaitReason(counting && !state.claimed && state.countdownS === 0);
  const recording = state?.phase === "recording" && !state.silent;
  return (
    <div className={recording ? "stage stage-recording" : "stage"}>
      <CameraPreview stream={camera.stream} video={video} mirrored={isMirrored(camera)}>
        {camera.status !== "ready" && (
          <p className="stage-empty">{camera.status === "asking" ? words.camera.allow : words.camera.isOff}</p>
        )}
        {counting && (
          <p className="stage-count" aria-hidden={reason ? undefined : true}>
            {reason ? <span className="stage-wait">{reason}</span> : state.countdownS || "…"}
          </p>
        )}
        {recording && (
          <p className="stage-clock" aria-hidden="true">
            <span className="stage-dot" /> {clock(state.elapsedMs)}
          </p>
        )}
        {recording && <p className="stage-seen">{seenSoFar(state)}</p>}
      </CameraPreview>
      {state?.phase === "recording" && (
        <progress
          className="stage-progress"
          aria-label={words.timeUsed}
          max={maxDurationMs(state.limits)}
          value={state.elapsedMs}
        />
      )}
    </div>
  );
}
