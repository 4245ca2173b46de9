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
import "../styles/live.css";

const NO_CHOICE = "Wait until the server has sent the list of things to look for.";

/** The live view: the camera's picture with the landmarks that the server finds in it. */
export function LivePage() {
  return (
    <Page
      title="Live view"
      lead="The camera’s picture, and what the server finds in it, at once. The server keeps no picture and no number."
    >
      <RealtimeProvider>
        <LiveView />
      </RealtimeProvider>
    </Page>
  );
}

function LiveView() {
  const { client, connect, disconnect, state } = useRealtime();
  const camera = useCamera();
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
      <Card title="Camera">
        <RealtimeErrorBanner />
        {running ? <CameraPreview camera={camera} /> : <NoPicture />}
        <div className="actions live-actions">
          {running ? (
            <Button tone="quiet" onClick={stop}>
              Stop
            </Button>
          ) : (
            <Button blocked={pipeline ? undefined : NO_CHOICE} onClick={start}>
              Start the camera
            </Button>
          )}
          <LiveStatus running={running} camera={camera.status} state={state} slow={client.isSlow()} />
        </div>
      </Card>
      <Card title="What is seen">
        <PipelineSelector selected={pipeline} onSelect={setPipeline} running={running} />
        {running && pipeline && <PartsSeen parts={pipeline.parts} />}
        <StreamDebugPanel />
      </Card>
    </div>
  );
}

function NoPicture() {
  return (
    <Preview stream={null} video={null}>
      <p className="live-placeholder">The camera is off.</p>
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
  const [tone, words] = running ? statusOf(state, camera, hidden, slow) : OFF;
  return (
    <StatusText label="Live view" tone={tone}>
      {words}
    </StatusText>
  );
}

type Words = readonly [Tone, string];

const OFF: Words = ["idle", "off"];

const SLOW: Words = ["warning", "running, but slowly: the drawing comes late"];

function statusOf(
  { status, lastResult }: SocketState,
  camera: Camera["status"],
  hidden: boolean,
  slow: boolean,
): Words {
  if (status === "disconnected") return ["error", "not connected"];
  if (camera === "failed") return ["error", "no camera"];
  if (hidden) return ["warning", "paused, because this page is in the background"];
  if (status === "connecting") return ["busy", "connecting"];
  if (camera !== "ready") return ["busy", "waiting for the camera"];
  if (lastResult && slow) return SLOW;
  return lastResult ? ["active", "running"] : ["busy", "connected, waiting for the first answer"];
}
