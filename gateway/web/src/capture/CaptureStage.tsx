import type { Ref } from "react";

import { CameraPreview } from "../camera/CameraPreview";
import type { Camera } from "../camera/useCamera";
import { DEFAULT_LIMITS, maxDurationMs } from "./limits";
import type { CaptureState } from "./protocol";
import { clock } from "./words";

export interface CaptureStageProps {
  readonly camera: Camera;
  readonly video: Ref<HTMLVideoElement | null>;
  readonly state: CaptureState | null;
}

/** The mirror, with the count-down or the elapsed time over it; what it shows is in the status as words, too. */
export function CaptureStage({ camera, video, state }: CaptureStageProps) {
  return (
    <div className={state?.phase === "recording" ? "stage stage-recording" : "stage"}>
      <CameraPreview stream={camera.stream} video={video}>
        {camera.status !== "ready" && (
          <p className="stage-empty">
            {camera.status === "asking" ? "Allow the camera in the question of your browser." : "The camera is off."}
          </p>
        )}
        {state?.phase === "counting" && (
          <p className="stage-count" aria-hidden="true">
            {state.countdownS > 0 ? state.countdownS : <span className="stage-wait">One moment …</span>}
          </p>
        )}
        {state?.phase === "recording" && (
          <p className="stage-clock" aria-hidden="true">
            <span className="stage-dot" /> {clock(state.elapsedMs)}
          </p>
        )}
      </CameraPreview>
      <progress
        className="stage-progress"
        aria-label="Time used"
        max={maxDurationMs(state?.limits ?? DEFAULT_LIMITS)}
        value={state?.phase === "recording" ? state.elapsedMs : 0}
      />
    </div>
  );
}
