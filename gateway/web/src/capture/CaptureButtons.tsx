import type { Camera } from "../camera/useCamera";
import { Button } from "../components/Button";
import { useWords, words } from "../words";
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
  const { capture: texts, common } = useWords();
  if (!state || isOver(state)) {
    return (
      <div className="actions">
        <Button blocked={blocked} busy={handle.beginning} onClick={onBegin}>
          {texts.begin(handle.limits.max_duration_s)}
        </Button>
        <Button tone="danger" blocked={texts.blocked.idle}>
          {texts.stop}
        </Button>
      </div>
    );
  }
  const late = state.phase === "closing" || state.phase === "settling";
  return (
    <div className="actions">
      {!late && (
        <Button tone="danger" blocked={stopBlocked(state)} onClick={handle.stop}>
          {texts.stop}
        </Button>
      )}
      <Button tone="quiet" onClick={() => handle.fail(captureFailure(late ? "outcome_unknown" : "capture_cancelled"))}>
        {state.phase === "settling" ? texts.noWait : common.cancel}
      </Button>
    </div>
  );
}

function stopBlocked(state: CaptureState): string | undefined {
  if (canStop(state)) return undefined;
  const { blocked } = words().capture;
  return state.phase === "recording" ? blocked.early(state.limits.min_duration_s) : blocked.idle;
}

/** A sentence that says why no capture can begin now; undefined if one can. */
export function beginBlocked(hasSession: boolean, camera: Camera): string | undefined {
  if (!hasSession) return words().session.none;
  if (camera.status !== "ready") return words().capture.blocked.camera;
  return camera.muted ? words().capture.blocked.muted : undefined;
}
