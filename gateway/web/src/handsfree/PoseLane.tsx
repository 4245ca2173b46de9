import { useEffect, useEffectEvent, useRef } from "react";

import type { LiveResult } from "../api/messages";
import { CameraPreview } from "../camera/CameraPreview";
import { frameSize } from "../camera/grab";
import { usePageHidden } from "../camera/usePageHidden";
import { RealtimeProvider } from "../live/RealtimeContext";
import { useFrames } from "../live/useFrames";
import { useRealtime } from "../live/useRealtime";
import type { Offered } from "./offered";
import { readPose } from "./pose";
import { afterMoment, beginPose, type PoseState } from "./poseState";
import type { Settings } from "./settings";

export interface PoseLaneProps {
  /** The camera's pictures. */
  readonly stream: MediaStream;
  readonly settings: Settings;
  /** The commands that the page offers now. A take is recorded while it has one to stop it. */
  readonly commands: readonly Offered[];
  /** Called after each answer of the server; null while there is no connection. */
  readonly onState: (state: PoseState | null) => void;
  readonly onRaise: (() => void) | undefined;
  readonly onRest: () => void;
}

const PIPELINE = "pose";
/** Width / height of most cameras' pictures, until the first one is there. */
const USUAL_ASPECT = 4 / 3;
/** After so long a lost connection is tried again: a person without a mouse cannot ask for it. */
export const RECONNECT_MS = 3000;

/** Reads raised and resting hands from the camera's pictures, over a real-time connection of its own. It shows nothing. */
export function PoseLane(props: PoseLaneProps) {
  return (
    <RealtimeProvider>
      <Lane {...props} />
    </RealtimeProvider>
  );
}

function Lane({ stream, settings, commands, onState, onRaise, onRest }: PoseLaneProps) {
  const { state, connect } = useRealtime();
  const { status, lastResult } = state;
  const video = useRef<HTMLVideoElement>(null);
  const pose = useRef(beginPose());
  const hidden = usePageHidden();
  useFrames(video, !hidden);

  useEffect(() => connect(PIPELINE), [connect]);
  const lost = status === "disconnected";
  useEffect(() => {
    if (!lost) return undefined;
    const timer = setTimeout(() => connect(PIPELINE), RECONNECT_MS);
    return () => clearTimeout(timer);
  }, [lost, connect]);

  const read = useEffectEvent((answer: LiveResult | null) => {
    if (!answer) return onState(null);
    const size = video.current && frameSize(video.current);
    const atMs = performance.now();
    const stop = commands.find(({ command }) => command === "stop");
    const moment = { recording: stop !== undefined, stoppable: stop?.blocked === undefined };
    const reading = readPose(answer.result.landmarks, size ? size.width / size.height : USUAL_ASPECT, atMs);
    const [next, signal] = afterMoment(pose.current, { reading, atMs, ...moment }, settings);
    pose.current = next;
    onState(next);
    if (signal === "raise") onRaise?.();
    if (signal === "rest") onRest();
  });
  useEffect(() => read(lastResult), [lastResult]);

  // in the page, because some browsers play no other; a video of its own, because a grab of the take's would disturb it
  return (
    <div className="visually-hidden" aria-hidden="true">
      <CameraPreview stream={stream} video={video} />
    </div>
  );
}
