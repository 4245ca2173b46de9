import { useCallback, useEffect, useRef, useState, type RefObject } from "react";

import { ApiError, type Failure } from "../api/failure";
import { newRecordId } from "../api/header";
import { json, socketUrl, subprotocols } from "../api/http";
import type { SessionAnswer } from "../api/messages";
import { useAccess } from "../api/token";
import { firstFrameSize, grabJpeg } from "../camera/grab";
import type { Session } from "../session/useSession";
import { CaptureClient } from "./CaptureClient";
import { captureFailure } from "./failures";
import type { CaptureReport, CaptureWindow } from "./messages";
import type { CaptureState } from "./protocol";

export interface Capture {
  readonly window: CaptureWindow;
  readonly state: CaptureState;
}

export interface CaptureHandle {
  /** The capture that is under way, or the last one; null before the first. */
  readonly capture: Capture | null;
  /** Why the last one could not even begin. */
  readonly failure: Failure | null;
  /** Begins one, as soon as the camera gives a picture. Never throws. */
  readonly begin: (session: Session, intent: string) => Promise<void>;
  readonly stop: () => void;
  /** Ends the one that is under way, for this reason; it is not kept. */
  readonly fail: (failure: Failure) => void;
}

/** One capture after the other from `video`. One that is under way when the component leaves ends with it. */
export function useCapture(video: RefObject<HTMLVideoElement | null>): CaptureHandle {
  const { send, token } = useAccess();
  const [capture, setCapture] = useState<Capture | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const client = useRef<CaptureClient | null>(null);

  const beginning = useRef(false);
  const gone = useRef(false);

  const begin = useCallback(
    async (session: Session, intent: string) => {
      if (beginning.current) return;
      beginning.current = true;
      const size = video.current && (await firstFrameSize(video.current));
      beginning.current = false;
      if (gone.current) return;
      setFailure(size ? null : captureFailure("no_picture"));
      if (!size) return;
      client.current?.dispose();
      const window: CaptureWindow = {
        ...size,
        session,
        intent: intent.trim(),
        captureId: newRecordId(),
        recordId: newRecordId(),
      };
      const started = new CaptureClient(
        window,
        {
          prepare: async () => {
            const { userId: user_id, sessionId: session_id } = session;
            const path = "/session_manager/sessions.validate";
            const { status } = await json<SessionAnswer>(await send("POST", path, { json: { user_id, session_id } }));
            if (status !== "active") throw new ApiError(`session_${status}`);
          },
          connect: () => new WebSocket(socketUrl("/camera_feed_worker/capture"), subprotocols(token())),
          grab: async ({ width, height }, quality) =>
            video.current && (await grabJpeg(video.current, { size: { width, height }, quality })),
          report: async (captureId) => json<CaptureReport>(await send("GET", `/captures/${captureId}`)),
        },
        (state) => setCapture({ window, state }),
      );
      client.current = started;
      void started.start();
    },
    [send, token, video],
  );

  const stop = useCallback(() => client.current?.stop(), []);
  const fail = useCallback((reason: Failure) => client.current?.fail(reason), []);

  useEffect(() => {
    gone.current = false;
    return () => {
      gone.current = true;
      client.current?.dispose();
    };
  }, []);

  return { capture, failure, begin, stop, fail };
}
