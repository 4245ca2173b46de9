import { useState } from "react";

import type { PipelineInfo } from "../api/messages";
import { CameraPreview as Preview } from "../camera/CameraPreview";
import { useCamera, type Camera } from "../camera/useCamera";
import { usePageHidden } from "../camera/usePageHidden";
import { Button } from "../components/Button";
import { Card } from "../components/Card";
import { Page } from "../components/Page";
import { StatusText, type Tone } from "../components/StatusText";
import { CameraPreview } from "../live/CameraPreview";
import type { SocketState } from "../live/FrameSocket";
import { PartsSeen } from "../live/PartsSeen";
import { PipelineSelector } from "../live/PipelineSelector";
import { RealtimeProvider } from "../live/RealtimeContext";
import { RealtimeErrorBanner } from "../live/RealtimeErrorBanner";
import { StreamDebugPanel } from "../live/StreamDebugPanel";
import { useRealtime } from "../live/useRealtime";
import { useWakeLock } from "../phone/useWakeLock";
import { useWords, type Words } from "../words";
import "../styles/live.css";

/** The live view: the camera's picture with the landmarks that the server finds in it. */
export function LivePage() {
  const { live } = useWords();
  return (
    <Page title={live.title} lead={live.lead}>
      <RealtimeProvider>
        <LiveView />
      </RealtimeProvider>
    </Page>
  );
}

function LiveView() {
  const { client, connect, disconnect, state } = useRealtime();
  const camera = useCamera();
  const { live } = useWords();
  const [pipeline, setPipeline] = useState<PipelineInfo | null>(null);
  const [running, setRunning] = useState(false);
  useWakeLock(running);

  function start(): void {
    if (!pipeline) return;
    setRunning(true);
    connect(pipeline.pipeline_id);
  }

  function stop(): void {
    setRunning(false);
    disconnect();
  }

  return (
    <div className="live">
      <Card title={live.camera}>
        <RealtimeErrorBanner />
        {running ? <CameraPreview camera={camera} /> : <NoPicture />}
        <div className="actions live-actions">
          {running ? (
            <Button tone="quiet" onClick={stop}>
              {live.stop}
            </Button>
          ) : (
            <Button blocked={pipeline ? undefined : live.noChoice} onClick={start}>
              {live.start}
            </Button>
          )}
          <LiveStatus running={running} camera={camera.status} state={state} slow={client.isSlow()} />
        </div>
      </Card>
      <Card title={live.seen}>
        <PipelineSelector selected={pipeline} onSelect={setPipeline} running={running} />
        {running && pipeline && <PartsSeen parts={pipeline.parts} />}
        <StreamDebugPanel />
      </Card>
    </div>
  );
}

function NoPicture() {
  const { camera } = useWords().capture;
  return (
    <Preview stream={null} video={null}>
      <p className="live-placeholder">{camera.isOff}</p>
    </Preview>
  );
}

interface LiveStatusProps {
  readonly running: boolean;
  readonly camera: Camera["status"];
  readonly state: SocketState;
  readonly slow: boolean;
}

function LiveStatus({ running, camera, state, slow }: LiveStatusProps) {
  const hidden = usePageHidden();
  const { live } = useWords();
  const [tone, status]: Status = running ? statusOf(state, camera, hidden, slow) : ["idle", "off"];
  return (
    <StatusText label={live.title} tone={tone}>
      {live.status[status]}
    </StatusText>
  );
}

type Status = readonly [Tone, keyof Words["live"]["status"]];

function statusOf(
  { status, lastResult }: SocketState,
  camera: Camera["status"],
  hidden: boolean,
  slow: boolean,
): Status {
  if (status === "disconnected") return ["error", "disconnected"];
  if (camera === "failed") return ["error", "noCamera"];
  if (hidden) return ["warning", "hidden"];
  if (status === "connecting") return ["busy", "connecting"];
  if (camera !== "ready") return ["busy", "waitingForCamera"];
  if (lastResult && slow) return ["warning", "slow"];
  return lastResult ? ["active", "running"] : ["busy", "waiting"];
}
