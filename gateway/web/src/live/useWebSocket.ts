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
  const { send, token } = useAccess();
  const [socket] = useState(() => new FrameSocket(token));
  const [sendFrame] = useState(() => (bytes: Uint8Array<ArrayBuffer> | ArrayBuffer) => socket.sendFrame(bytes));
  const state = useSyncExternalStore(socket.subscribe, socket.state);
  useEffect(() => () => socket.disconnect(), [socket]);
  const code = state.failure?.code;
  useEffect(() => {
    // a handshake tells no reason; if it is the token, this request asks the person for another one
    if (code === "access_ended" || code === "connection_refused") void send("GET", "/access/me").catch(() => undefined);
  }, [code, send]);
  return { ...state, socket, sendFrame };
}
