import type { Camera } from "../camera/useCamera";
import { Button } from "../components/Button";
import { NO_SESSION } from "../session/SessionCard";
import { captureFailure } from "./failures";
import { canStop, isOver, type CaptureState } from "./protocol";
import type { CaptureHandle } from "./useCapture";

export interface CaptureButtonsProps {
  readonly handle: CaptureHandle;
  /** A sentence that says why no capture can begin now. */
  readonly blocked: string | undefined;
  readonly onBegin: () => void;
}

/** The buttons that begin a capture, and that stop or cancel it while it runs. */
export function CaptureButtons({ handle, blocked, onBegin }: CaptureButtonsProps) {
  const state = handle.capture?.state ?? null;
  if (!state || isOver(state)) {
    return (
      <div className="actions">
        <Button blocked={blocked} busy={handle.beginning} onClick={onBegin}>
          Capture Bounded Gesture (≤ {handle.limits.max_duration_s} s)
        </Button>
        <Button tone="danger" blocked="Not recording.">
          Stop
        </Button>
      </div>
    );
  }
  const late = state.phase === "closing" || state.phase === "settling";
  return (
    <div className="actions">
      {!late && (
        <Button tone="danger" blocked={stopBlocked(state)} onClick={handle.stop}>
          Stop
        </Button>
      )}
      <Button tone="quiet" onClick={() => handle.fail(captureFailure(late ? "outcome_unknown" : "capture_cancelled"))}>
        {state.phase === "settling" ? "Do not wait" : "Cancel"}
      </Button>
    </div>
  );
}

function stopBlocked(state: CaptureState): string | undefined {
  if (canStop(state)) return undefined;
  if (state.phase !== "recording") return "Not recording.";
  const { min_duration_s } = state.limits;
  return min_duration_s === 2 ? "Possible after two seconds." : `Possible after ${min_duration_s} seconds.`;
}

/** A sentence that says why no capture can begin now; undefined if one can. */
export function beginBlocked(hasSession: boolean, camera: Camera): string | undefined {
  if (!hasSession) return NO_SESSION;
  if (camera.status !== "ready") return "Turn the camera on first.";
  return camera.muted ? "The camera delivers no pictures now." : undefined;
}
