import { useCallback, useEffect, useRef, useState, type RefObject } from "react";

import { ApiError, failureOf, type Failure } from "../api/failure";
import { newRecordId } from "../api/header";
import { json, socketUrl, subprotocols, type Send } from "../api/http";
import type { ClientLimits, SessionAnswer } from "../api/messages";
import { useAccess } from "../api/token";
import { firstFrameSize, grabJpeg, sizeForBytes, type Size } from "../camera/grab";
import { thumbnail } from "../camera/PictureWatch";
import { useInterruptions } from "../phone/useInterruptions";
import { useWakeLock } from "../phone/useWakeLock";
import type { Session } from "../session/useSession";
import { CaptureClient } from "./CaptureClient";
import { captureFailure } from "./failures";
import { aimBytes, askLimits, DEFAULT_LIMITS } from "./limits";
import type { CaptureReport, CaptureWindow, StudyTask } from "./messages";
import { isCapturing, isRunning, type CaptureState } from "./protocol";

export interface Capture {
  readonly window: CaptureWindow;
  readonly state: CaptureState;
}

export interface CaptureHandle {
  /** The running capture, or the last one; null before the first. */
  readonly capture: Capture | null;
  /** Whether the page is asking the server and the camera whether a capture can begin. */
  readonly beginning: boolean;
  /** Why the last capture could not begin. */
  readonly failure: Failure | null;
  /** The limits that the server sent last; before that, the default limits. */
  readonly limits: ClientLimits;
  /**
   * Begins a capture when the camera delivers a picture. `task` is for a take of a study. Never throws; does nothing
   * without a session.
   */
  readonly begin: (intent: string, task?: StudyTask) => Promise<void>;
  readonly stop: () => void;
  /** Ends the running capture with this failure; it is not kept. */
  readonly fail: (failure: Failure) => void;
  /** Stops the running capture because it cannot continue; it is kept if it is long enough. */
  readonly interrupt: (why: Failure) => void;
}

/** Records captures from `video`, one at a time. A running capture ends when the component leaves the page. */
export function useCapture(video: RefObject<HTMLVideoElement | null>, session: Session | null): CaptureHandle {
  const { send, token } = useAccess();
  const [capture, setCapture] = useState<Capture | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [limits, setLimits] = useState(DEFAULT_LIMITS);
  const client = useRef<CaptureClient | null>(null);
  useWakeLock(capture !== null && isCapturing(capture.state));

  const [asking, setAsking] = useState(false);
  const beginning = useRef(false);
  const gone = useRef(false);

  const begin = useCallback(
    async (intent: string, task?: StudyTask) => {
      if (beginning.current || !session) return;
      beginning.current = true;
      setAsking(true);
      const ready = await measured(send, video.current);
      beginning.current = false;
      if (gone.current) return;
      setAsking(false);
      setFailure("code" in ready ? ready : null);
      if ("code" in ready) return;
      const { size, limits: told } = ready;
      setLimits(told);
      client.current?.dispose();
      const window: CaptureWindow = {
        ...size,
        session,
        limits: told,
        intent: intent.trim(),
        task,
        captureId: newRecordId(),
        recordId: newRecordId(),
      };
      const started = new CaptureClient(
        window,
        {
          prepare: async () => {
            const { userId: user_id, sessionId: session_id } = session;
            const path = "/session_manager/sessions.validate";
            const { status } = await json<SessionAnswer>(
              await send("POST", path, {
                json: { user_id, session_id },
                timeoutMs: 5_000,
              }),
            );
            if (status !== "active") throw new ApiError(`session_${status}`);
          },
          connect: () => new WebSocket(socketUrl("/camera_feed_worker/capture"), subprotocols(token())),
          grab: async ({ width, height }, quality) =>
            video.current &&
            (await grabJpeg(video.current, { size: { width, height }, quality, maxBytes: told.max_frame_bytes })),
          thumbnail: () => video.current && thumbnail(video.current),
          report: async (captureId) => json<CaptureReport>(await send("GET", `/captures/${captureId}`)),
        },
        (state) => setCapture({ window: started.window, state }),
      );
      client.current = started;
      void started.start();
    },
    [send, session, token, video],
  );

  useEffect(() => {
    if (!session) return;
    // only for showing them; a capture asks again
    void askLimits(send).then(setLimits, () => undefined);
  }, [send, session]);

  const stop = useCallback(() => client.current?.stop(), []);
  const fail = useCallback((reason: Failure) => client.current?.fail(reason), []);
  const interrupt = useCallback((why: Failure) => client.current?.interrupt(why), []);
  useInterruptions(video, capture !== null && isRunning(capture.state), interrupt);

  useEffect(() => {
    gone.current = false;
    return () => {
      gone.current = true;
      client.current?.dispose();
    };
  }, []);

  return { capture, failure, limits, beginning: asking, begin, stop, fail, interrupt };
}

interface Measured {
  readonly limits: ClientLimits;
  readonly size: Size;
}

/** The server's limits, and the size of this camera's pictures that fits them; or the failure. */
async function measured(send: Send, video: HTMLVideoElement | null): Promise<Measured | Failure> {
  try {
    const limits = await askLimits(send);
    const { max_long_side: longSide, max_short_side: shortSide } = limits;
    const first = video && (await firstFrameSize(video, { longSide, shortSide }));
    const size = first && (await sizeForBytes(video, first, aimBytes(limits)));
    return size ? { limits, size } : captureFailure("no_picture");
  } catch (error) {
    return failureOf(error);
  }
}
