import { useEffect, useState, useSyncExternalStore } from "react";

import { useAccess } from "../api/token";
import { FrameSocket, type SocketState } from "./FrameSocket";

export interface LiveWebSocket extends SocketState {
  /** Always the same object. It disconnects when the component leaves the page. */
  readonly socket: FrameSocket;
  /** Sends one JPEG. Returns its index, or null if there is no connection. */
  readonly sendFrame: (bytes: Uint8Array<ArrayBuffer> | ArrayBuffer) => number | null;
}

/** The WebSocket of the real-time lane, and its state. */
export function useWebSocket(): LiveWebSocket {
  const { token } = useAccess();
  const [socket] = useState(() => new FrameSocket(token));
  const [sendFrame] = useState(() => (bytes: Uint8Array<ArrayBuffer> | ArrayBuffer) => socket.sendFrame(bytes));
  const state = useSyncExternalStore(socket.subscribe, socket.state);
  useEffect(() => () => socket.disconnect(), [socket]);
  return { ...state, socket, sendFrame };
}
