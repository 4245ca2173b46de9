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
  /** It gives no pictures at the moment: a call, a closed lid, a privacy switch. */
  readonly muted: boolean;
  /** Which way the one in use looks; null if the browser does not say. */
  readonly facing: "user" | "environment" | null;
  /** All that there are, once one was allowed, and the id of the one in use. */
  readonly cameras: readonly CameraName[];
  readonly cameraId: string | null;
  /** Asks for the camera. Never throws; while it is asking or ready it does nothing. */
  readonly start: () => Promise<void>;
  /** Lets go of the camera, so that its light goes out. */
  readonly stop: () => void;
  /** Uses another one from now on; if it is on, at once. Never throws. */
  readonly choose: (choice: Choice) => Promise<void>;
}

export interface CameraName {
  readonly id: string;
  readonly label: string;
}

type State = Omit<Camera, "start" | "stop" | "choose">;

const IDLE: State = {
  status: "idle",
  stream: null,
  failure: null,
  muted: false,
  facing: null,
  cameras: [],
  cameraId: null,
};

/** Which camera: one by its id, or one that looks at the person who holds the device, or away from them. */
export type Choice = { readonly deviceId: string } | { readonly facing: "user" | "environment" };

const FRONT: Choice = { facing: "user" };

/** The size and rate are wishes: any camera does, what it delivers is made smaller. */
function wishes(choice: Choice): MediaStreamConstraints {
  const which = "deviceId" in choice ? { deviceId: { exact: choice.deviceId } } : { facingMode: choice.facing };
  return {
    audio: false,
    video: { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 }, ...which },
  };
}

/** The camera, for as long as the component is on the page: it is let go when the component leaves. */
export function useCamera(): Camera {
  const [state, setState] = useState<State>(IDLE);
  const held = useRef<MediaStream | null>(null);
  // Each start has a number; what an earlier one brings, after a stop, is let go at once.
  const turn = useRef(0);
  const asking = useRef(false);
  const choice = useRef(FRONT);

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
      const stream = await navigator.mediaDevices.getUserMedia(wishes(choice.current));
      if (mine !== turn.current) {
        stop(stream);
        return;
      }
      held.current = stream;
      next = { ...IDLE, status: "ready", stream, ...(await described(stream)) };
      if (mine !== turn.current) return;
      for (const track of stream.getVideoTracks()) {
        for (const muted of [true, false]) {
          track.addEventListener(muted ? "mute" : "unmute", () => {
            if (mine === turn.current) setState((before) => ({ ...before, muted }));
          });
        }
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

  const choose = useCallback(
    async (chosen: Choice) => {
      choice.current = chosen;
      if (!held.current && !asking.current) return;
      release();
      await start();
    },
    [release, start],
  );

  return { ...state, start, stop: letGo, choose };
}

/** Which camera a stream comes from, and which others there are. */
async function described(stream: MediaStream): Promise<Pick<State, "facing" | "cameras" | "cameraId">> {
  const { facingMode, deviceId = null } = stream.getVideoTracks()[0]?.getSettings?.() ?? {};
  const facing = facingMode === "user" || facingMode === "environment" ? facingMode : null;
  const devices = await listed();
  const cameras = devices.filter(({ kind }) => kind === "videoinput");
  return {
    facing,
    cameras: cameras.map(({ deviceId: id, label }, place) => ({ id, label: label || `Camera ${place + 1}` })),
    cameraId: deviceId,
  };
}

async function listed(): Promise<readonly MediaDeviceInfo[]> {
  try {
    return await navigator.mediaDevices.enumerateDevices();
  } catch {
    return []; // who has one camera needs no list
  }
}

function stop(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
