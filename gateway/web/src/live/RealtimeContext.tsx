import { createContext, useCallback, useMemo, useState, type ReactNode } from "react";

import { ApiError, failureOf } from "../api/failure";
import { useAccess } from "../api/token";
import { liveFailure } from "./failures";
import type { SocketState } from "./FrameSocket";
import { RealtimeClient } from "./RealtimeClient";
import { useWebSocket } from "./useWebSocket";

export interface Realtime {
  readonly state: SocketState;
  /** For calls that come many times a second and must not render a component: `takesFrame`, `metrics`. */
  readonly client: RealtimeClient;
  readonly connect: (pipelineId: string) => void;
  readonly disconnect: () => void;
  /**
   * Connects again to the same pipeline. It sends an HTTP request first, because a browser does not say why a WebSocket
   * was refused: no server, no token, or no lane. Never throws.
   */
  readonly reconnect: () => Promise<void>;
  /** Whether that HTTP request of `reconnect` is running. */
  readonly asking: boolean;
  readonly sendFrame: (bytes: Uint8Array<ArrayBuffer> | ArrayBuffer) => void;
}

export const RealtimeContext = createContext<Realtime | null>(null);

/** Provides one live connection to its children. The connection ends when this leaves the page. */
export function RealtimeProvider({ children }: { readonly children: ReactNode }) {
  const { send } = useAccess();
  const { socket, status, pipelineId, lastResult, droppedFrames, slowDownWarnings, failure } = useWebSocket();
  const [client] = useState(() => new RealtimeClient(socket));
  const [asking, setAsking] = useState(false);

  const reconnect = useCallback(async () => {
    const wanted = client.state.pipelineId;
    if (wanted === null) return;
    setAsking(true);
    try {
      await send("GET", "/pipelines");
      client.connect(wanted);
    } catch (error) {
      socket.fail(pipelinesFailure(error));
    } finally {
      setAsking(false);
    }
  }, [client, send, socket]);

  const realtime = useMemo<Realtime>(
    () => ({
      state: { status, pipelineId, lastResult, droppedFrames, slowDownWarnings, failure },
      client,
      connect: client.connect,
      disconnect: client.disconnect,
      reconnect,
      asking,
      sendFrame: client.sendFrame,
    }),
    [status, pipelineId, lastResult, droppedFrames, slowDownWarnings, failure, client, reconnect, asking],
  );
  return <RealtimeContext value={realtime}>{children}</RealtimeContext>;
}

/** The failure for an error of `GET /pipelines`. With 404 the operator has disabled the lane. */
export function pipelinesFailure(error: unknown) {
  return error instanceof ApiError && error.status === 404 ? liveFailure("lane_disabled") : failureOf(error);
}
