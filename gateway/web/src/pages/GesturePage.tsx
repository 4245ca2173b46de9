import { useEffect, useRef, useState, type RefObject } from "react";

import { useAccess } from "../api/token";
import { CameraChoice } from "../camera/CameraChoice";
import { InsecureNotice, isCameraAddress } from "../camera/InsecureNotice";
import { useCamera, type Camera } from "../camera/useCamera";
import { beginBlocked, CaptureButtons } from "../capture/CaptureButtons";
import { CaptureFailures } from "../capture/CaptureFailures";
import { CaptureResult } from "../capture/CaptureResult";
import { CaptureStage } from "../capture/CaptureStage";
import { ConnectionLine } from "../capture/ConnectionLine";
import { endsSession } from "../capture/failures";
import { isOver } from "../capture/protocol";
import { reviewOf } from "../capture/review";
import { SessionCaptures } from "../capture/SessionCaptures";
import { allowSignals } from "../capture/signals";
import { useCameraLoss } from "../capture/useCameraLoss";
import { useCapture, type CaptureHandle } from "../capture/useCapture";
import { useLeaveWarning } from "../capture/useLeaveWarning";
import { useSessionCaptures } from "../capture/useSessionCaptures";
import { useSignals } from "../capture/useSignals";
import { statusOf } from "../capture/words";
import { Button } from "../components/Button";
import { Card } from "../components/Card";
import { Field } from "../components/Field";
import { Page } from "../components/Page";
import { StatusText } from "../components/StatusText";
import { UndeliveredBanner } from "../library/UndeliveredBanner";
import { useDeliveries } from "../library/useDeliveries";
import { remember, remembered } from "../session/remembered";
import { SessionCard } from "../session/SessionCard";
import { useSession } from "../session/useSession";
import { useWords } from "../words";
import "../styles/capture.css";

const INTENT_CHARACTERS = 256;

/** The page for captures: the session, the camera, one capture after the other, and their results. */
export function GesturePage() {
  const { session } = useSession();
  const { capture: texts } = useWords();
  const video = useRef<HTMLVideoElement>(null);
  const camera = useCamera();
  const handle = useCapture(video, session);
  const { capture } = handle;
  const state = capture?.state ?? null;
  const busy = state !== null && !isOver(state);
  const [intent, setIntent] = useState("");
  const signals = useSignals(state?.phase ?? null);
  const captures = useSessionCaptures(session, capture);
  const { send } = useAccess();
  const deliveries = useDeliveries();
  const place = useRef<HTMLDivElement>(null);
  useLeaveWarning(busy); // a take is safe when it is recorded
  useCameraLoss(camera, handle);
  useSessionLoss(handle);
  useScrollToFailure(handle, place);

  function begin(meant: string) {
    allowSignals();
    remember("labels", meant.trim());
    setIntent(""); // the next capture may have another meaning; “Capture … again” keeps this one
    void handle.begin(meant);
  }

  const { tone, words } = statusOf(capture);
  const blocked = beginBlocked(session !== null, camera);
  const hasResult = state?.phase === "recorded" || state?.failure?.code.startsWith("outcome_");
  return (
    <Page title={texts.title} lead={texts.lead} focused={busy}>
      <div hidden={busy} className="stack">
        <InsecureNotice />
        <SessionCard />
      </div>
      <Card title={texts.card}>
        <div className="capture" ref={place}>
          <StatusText label={texts.card} tone={tone}>
            {words}
          </StatusText>
          <div className="capture-alerts">
            <CaptureFailures camera={camera} handle={handle} />
          </div>
          <ConnectionLine state={state} />
          <CaptureStage camera={camera} video={video} state={state} />
          <div hidden={busy} className="capture-before">
            <CameraButtons camera={camera} />
            <Field
              label={texts.intent.label}
              hint={texts.intent.hint}
              value={intent}
              onChange={setIntent}
              suggestions={remembered("labels")}
              maxLength={INTENT_CHARACTERS}
            />
            <label className="check">
              <input type="checkbox" checked={signals.on} onChange={({ target }) => signals.turn(target.checked)} />{" "}
              {texts.signals}
            </label>
          </div>
          <CaptureButtons handle={handle} blocked={blocked} onBegin={() => begin(intent)} />
        </div>
      </Card>
      {capture && hasResult && (
        <CaptureResult
          capture={capture}
          againBlocked={blocked}
          onReview={(verdict, reason) => void deliveries.say(reviewOf(send, capture.window, verdict, reason))}
          onAgain={() => begin(capture.window.intent)}
        />
      )}
      <div hidden={busy} className="stack">
        <UndeliveredBanner key={capture?.window.captureId} deliveries={deliveries} />
        <SessionCaptures sessionId={session?.sessionId} captures={captures} />
      </div>
    </Page>
  );
}

function CameraButtons({ camera }: { readonly camera: Camera }) {
  const on = camera.status === "ready";
  const { camera: words } = useWords().capture;
  return (
    <div className="actions">
      <Button
        tone={on ? "quiet" : "primary"}
        busy={camera.status === "asking"}
        blocked={isCameraAddress() ? undefined : words.notHere}
        onClick={on ? camera.stop : () => void camera.start()}
      >
        {on ? words.off : words.on}
      </Button>
      <CameraChoice camera={camera} />
    </div>
  );
}

/** Drops the session after a failure that says that it has ended. The capture's banner shows the failure. */
function useSessionLoss({ capture }: CaptureHandle): void {
  const { lose } = useSession();
  const code = capture?.state.failure?.code ?? null;
  const over = code !== null && endsSession(code);
  useEffect(() => {
    if (over) lose(null);
  }, [over, lose]);
}

/** Scrolls to the capture if it fails. */
function useScrollToFailure({ capture }: CaptureHandle, place: RefObject<HTMLElement | null>): void {
  const failed = capture?.state.phase === "failed";
  useEffect(() => {
    if (failed) place.current?.closest("section")?.scrollIntoView({ block: "start" });
  }, [failed, place]);
}
