import type { ReactNode, Ref } from "react";

import { isMirrored } from "../camera/CameraChoice";
import { CameraPreview } from "../camera/CameraPreview";
import type { Camera } from "../camera/useCamera";
import type { CaptureState } from "../capture/protocol";
import { useWaitReason } from "../capture/useWaitReason";
import { useWords } from "../words";
import type { Step } from "./flow";

export interface RecordStageProps {
  readonly step: Step;
  readonly camera: Camera;
  readonly video: Ref<HTMLVideoElement | null>;
  readonly capture: CaptureState | null;
  /** The length of a take. */
  readonly seconds: number;
  /** What to draw over the picture. */
  readonly children?: ReactNode;
}

/** The camera's picture, with the count-down or the time that is left over it. */
export function RecordStage({ step, camera, video, capture, seconds, children }: RecordStageProps) {
  const { record } = useWords();
  const counting = step === "countdown" && capture?.phase === "counting" && !capture.silent ? capture : null;
  const reason = useWaitReason(counting !== null && !counting.claimed && counting.countdownS === 0);
  const recording = step === "recording" ? capture : null;
  return (
    <div className={recording ? "stage stage-recording" : "stage"}>
      <CameraPreview stream={camera.stream} video={video} mirrored={isMirrored(camera)}>
        {camera.status !== "ready" && (
          <p className="stage-empty">{camera.status === "asking" ? record.camera.asking : record.camera.off}</p>
        )}
        {children}
        {counting && (
          <p className="stage-count" aria-hidden={reason ? undefined : true}>
            {reason ? <span className="stage-wait">{reason}</span> : counting.countdownS}
          </p>
        )}
      </CameraPreview>
      {recording && (
        <progress
          className="stage-progress"
          aria-label={record.recording}
          max={1000 * seconds}
          value={recording.elapsedMs}
        />
      )}
    </div>
  );
}
