import { useEffect, useMemo, useRef, type RefObject } from "react";

import { failureOf } from "../api/failure";
import { useAccess } from "../api/token";
import { useCamera, type Camera } from "../camera/useCamera";
import { captureFailure, endsSession } from "../capture/failures";
import { isOver } from "../capture/protocol";
import { reviewOf } from "../capture/review";
import { allowSignals } from "../capture/signals";
import { useCameraLoss } from "../capture/useCameraLoss";
import { useCapture, type CaptureHandle } from "../capture/useCapture";
import { useLeaveWarning } from "../capture/useLeaveWarning";
import { useSignals } from "../capture/useSignals";
import { useDeliveries, type Deliveries } from "../library/useDeliveries";
import type { Consent } from "../session/consent";
import { useSession, type SessionHandle } from "../session/useSession";
import type { Sitting } from "./address";
import { askProgress, type Loaded } from "./api";
import { COMMANDS, controlsOf, type Commands, type Control } from "./commands";
import { begun, type Flow } from "./flow";
import { judgementOf, reasonOf } from "./judgement";
import { promptOf } from "./plan";
import { sessionFits } from "./session";
import { hush, speak } from "./speech";
import { useFlow, type Dispatch, type Perform } from "./useFlow";

/** One sitting: all that its page shows and does. */
export interface SittingHandle {
  readonly sitting: Sitting;
  readonly flow: Flow;
  /** What the person can do now; the first is what most people want. For buttons, and for scanning them. */
  readonly controls: readonly Control[];
  /** Every command by its name; always the same object. One that cannot be given now does nothing. */
  readonly commands: Commands;
  readonly camera: Camera;
  readonly video: RefObject<HTMLVideoElement | null>;
  readonly recording: CaptureHandle;
  readonly session: SessionHandle;
  readonly deliveries: Deliveries;
  /** Starts the session with the person's answer, and ends one that is another person's, or about another text. */
  readonly agree: (consent: Consent) => Promise<void>;
}

/** Runs a sitting: tells the rules of `flow.ts` what happens, and does what they say. */
export function useSitting(sitting: Sitting, { study, progress }: Loaded): SittingHandle {
  const session = useSession();
  const camera = useCamera();
  const video = useRef<HTMLVideoElement>(null);
  const open = session.session !== null && sessionFits(session.session, sitting, study) ? session.session : null;
  const recording = useCapture(video, open);
  const deliveries = useDeliveries();
  const perform = usePerform(sitting, { camera, recording, session, deliveries });
  const [flow, dispatch] = useFlow(() => begun(study, progress, open !== null), perform);
  const capture = recording.capture?.state ?? null;

  useReports(dispatch, open !== null, recording, session);
  useTakeLength(flow, recording);
  useCameraLoss(camera, recording);
  useSignals(capture?.phase ?? null);
  useLeaveWarning(capture !== null && !isOver(capture)); // a take is safe when it is recorded
  useEffect(() => hush, []);

  const controls = controlsOf(flow, { camera, beginning: recording.beginning, capture });
  const commands = useCommands(dispatch, controls);
  const agree = async (consent: Consent) => {
    allowSignals();
    if (session.session) await session.end();
    await session.start(sitting.user, sitting.helper, consent);
  };
  return { sitting, flow, controls, commands, camera, video, recording, session, deliveries, agree };
}

function useCommands(dispatch: Dispatch, controls: readonly Control[]): Commands {
  const latest = useRef(controls);
  useEffect(() => {
    latest.current = controls;
  });
  return useMemo(() => {
    const give = (command: Control["command"]) => () => {
      const control = latest.current.find((each) => each.command === command);
      if (!control || control.blocked) return;
      allowSignals();
      dispatch({ type: command });
    };
    return Object.fromEntries(COMMANDS.map((command) => [command, give(command)])) as unknown as Commands;
  }, [dispatch]);
}

type Tools = Pick<SittingHandle, "camera" | "recording" | "session" | "deliveries">;

/** Does what the rules say. */
function usePerform(sitting: Sitting, { camera, recording, session, deliveries }: Tools): Perform {
  const { send } = useAccess();
  return (action, dispatch, { study }) => {
    switch (action.type) {
      case "camera":
        return action.on ? void camera.start() : camera.stop();
      case "say": {
        const { say, text } = promptOf(study, action.prompt);
        return study.read_aloud ? speak(say ?? text, study.language) : undefined;
      }
      case "begin": {
        hush();
        const { prompt, intent } = promptOf(study, action.prompt);
        return void recording.begin(intent, { study: sitting.study, prompt });
      }
      case "stop":
        return recording.stop();
      case "cancel":
        return recording.fail(captureFailure("capture_cancelled"));
      case "judge":
        return void askProgress(send, sitting).then(
          (progress) => dispatch({ type: "judged", progress }),
          (error: unknown) => dispatch({ type: "unjudged", failure: failureOf(error) }),
        );
      case "review": {
        const { capture } = recording;
        /* v8 ignore next -- a take is the last capture's; only the types have null */
        if (!capture) return undefined;
        const reason = reasonOf(judgementOf(action.take, capture.state));
        return void deliveries.say(
          reviewOf(send, capture.window, action.verdict, action.verdict === "redo" ? reason : undefined),
        );
      }
      case "endSession":
        return void session.end();
    }
  };
}

/** Tells the rules what the session and the capture do. */
function useReports(dispatch: Dispatch, isOpen: boolean, recording: CaptureHandle, session: SessionHandle): void {
  const { check, lose } = session;
  const { capture, failure: refusal } = recording;
  const captureId = capture?.window.captureId ?? null;
  const phase = capture?.state.phase ?? null;
  const failure = capture?.state.failure ?? null;

  useEffect(() => void check(), [check]);
  useEffect(() => dispatch({ type: isOpen ? "consented" : "sessionLost" }), [dispatch, isOpen]);
  useEffect(() => {
    if (refusal) dispatch({ type: "captureFailed", failure: refusal });
  }, [dispatch, refusal]);
  useEffect(() => {
    if (captureId !== null && phase !== null) dispatch({ type: "phase", phase, captureId });
  }, [dispatch, captureId, phase]);
  useEffect(() => {
    if (!failure) return;
    if (endsSession(failure.code)) lose(failure);
    else dispatch({ type: "captureFailed", failure: failure.code === "capture_cancelled" ? null : failure });
  }, [dispatch, failure, lose]);
}

/** Ends a take when it is as long as the study wants it. */
function useTakeLength({ step, study }: Flow, { capture, stop }: CaptureHandle): void {
  const over = step === "recording" && capture !== null && capture.state.elapsedMs >= 1000 * study.seconds;
  useEffect(() => {
    if (over) stop();
  }, [over, stop]);
}
