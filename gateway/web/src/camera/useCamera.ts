import { useCallback, useEffect, useRef, useState } from "react";

import type { Failure } from "../api/failure";
import { cameraFailure, cameraFailureOf } from "./failures";

export interface Camera {
  /** `asking` until the person has allowed it and the first picture is on its way. */
  readonly status: "idle" | "asking" | "ready" | "failed";
  /** The pictures, while `ready`; for `<CameraPreview>`. */
  readonly stream: MediaStream | null;
  /** Why it `failed`; it can be started again. */
  readonly failure: Failure | null;
  /** Asks for the camera. Never throws; while it is asking or ready it does nothing. */
  readonly start: () => Promise<void>;
  /** Lets go of the camera, so that its light goes out. */
  readonly stop: () => void;
}

type State = Pick<Camera, "status" | "stream" | "failure">;

const IDLE: State = { status: "idle", stream: null, failure: null };

/** All of it is a wish: any camera does, what it delivers is made smaller. */
const WISHES: MediaStreamConstraints = {
  audio: false,
  video: { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 }, facingMode: "user" },
};

/** The camera, for as long as the component is on the page: it is let go when the component leaves. */
export function useCamera(): Camera {
  const [state, setState] = useState<State>(IDLE);
  const held = useRef<MediaStream | null>(null);
  // Each start has a number; what an earlier one brings, after a stop, is let go at once.
  const turn = useRef(0);
  const asking = useRef(false);

  const release = useCallback(() => {
    turn.current += 1;
    asking.current = false;
    const stream = held.current;
    held.current = null;
    stop(stream);
  }, []);

  const start = useCallback(async () => {
    if (asking.current || held.current) return;
    if (!window.isSecureContext || !navigator.mediaDevices) {
      setState({ ...IDLE, status: "failed", failure: cameraFailure("camera_insecure") });
      return;
    }
    const mine = (turn.current += 1);
    asking.current = true;
    setState({ ...IDLE, status: "asking" });
    let next: State;
    try {
      const stream = await navigator.mediaDevices.getUserMedia(WISHES);
      if (mine !== turn.current) {
        stop(stream);
        return;
      }
      held.current = stream;
      next = { ...IDLE, status: "ready", stream };
      for (const track of stream.getVideoTracks()) {
        track.addEventListener("ended", () => {
          if (mine !== turn.current) return;
          release();
          setState({ ...IDLE, status: "failed", failure: cameraFailure("camera_unplugged") });
        });
      }
    } catch (error) {
      if (mine !== turn.current) return;
      next = { ...IDLE, status: "failed", failure: cameraFailureOf(error) };
    }
    asking.current = false;
    setState(next);
  }, [release]);

  useEffect(() => release, [release]);

  const letGo = useCallback(() => {
    release();
    setState(IDLE);
  }, [release]);

  return { ...state, start, stop: letGo };
}

function stop(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
