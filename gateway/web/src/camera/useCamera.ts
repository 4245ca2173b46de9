import { useCallback, useEffect, useRef, useState } from "react";

import type { Failure } from "../api/failure";
import { words } from "../words";
import { cameraFailure, cameraFailureOf } from "./failures";

export interface Camera {
  /** `asking` until the person has allowed the camera and the browser has opened it. */
  readonly status: "idle" | "asking" | "ready" | "failed";
  /** The pictures, while `ready`; for `<CameraPreview>`. */
  readonly stream: MediaStream | null;
  /** Why it `failed`. `start` may be called again. */
  readonly failure: Failure | null;
  /** Whether the camera delivers no pictures at the moment: because of a call, a closed lid, a privacy switch. */
  readonly muted: boolean;
  /** The direction of the current camera: at the person, or away; null if the browser does not say. */
  readonly facing: "user" | "environment" | null;
  /** All cameras, once the person has allowed one. */
  readonly cameras: readonly CameraName[];
  /** The id of the current camera. */
  readonly cameraId: string | null;
  /** Asks the person for the camera. Never throws; does nothing while `asking` or `ready`. */
  readonly start: () => Promise<void>;
  /** Turns the camera off. */
  readonly stop: () => void;
  /** Changes the camera, at once if one is on. Never throws. */
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

/** A camera by its id, or by its direction: `user` looks at the person who holds the device, `environment` away. */
export type Choice = { readonly deviceId: string } | { readonly facing: "user" | "environment" };

const FRONT: Choice = { facing: "user" };

/** What to ask the browser for. Size and rate are only preferences: larger pictures are reduced later. */
function constraints(choice: Choice): MediaStreamConstraints {
  const which = "deviceId" in choice ? { deviceId: { exact: choice.deviceId } } : { facingMode: choice.facing };
  return {
    audio: false,
    video: { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 }, ...which },
  };
}

/** The camera. It is turned off when the component leaves the page. */
export function useCamera(): Camera {
  const [state, setState] = useState<State>(IDLE);
  const held = useRef<MediaStream | null>(null);
  // The number of the last start. If an earlier start gets its stream only after a stop, that stream is stopped at once.
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
      const stream = await navigator.mediaDevices.getUserMedia(constraints(choice.current));
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

  const turnOff = useCallback(() => {
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

  return { ...state, start, stop: turnOff, choose };
}

/** The camera of a stream, and all cameras. */
async function described(stream: MediaStream): Promise<Pick<State, "facing" | "cameras" | "cameraId">> {
  const { facingMode, deviceId = null } = stream.getVideoTracks()[0]?.getSettings?.() ?? {};
  const facing = facingMode === "user" || facingMode === "environment" ? facingMode : null;
  const devices = await listed();
  const cameras = devices.filter(({ kind }) => kind === "videoinput");
  return {
    facing,
    cameras: cameras.map(({ deviceId: id, label }, place) => ({
      id,
      label: label || words().capture.camera.numbered(place + 1),
    })),
    cameraId: deviceId,
  };
}

async function listed(): Promise<readonly MediaDeviceInfo[]> {
  try {
    return await navigator.mediaDevices.enumerateDevices();
  } catch {
    return []; // then the page offers no choice of cameras
  }
}

function stop(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
