import type { Failure } from "../api/failure";
import { socketUrl, subprotocols } from "../api/http";
import type { LiveResult } from "../api/messages";
import { parseAnswer, type LiveAnswer } from "./answers";
import { isTold, liveFailure } from "./failures";

export type SocketStatus = "connecting" | "connected" | "disconnected";

export interface SocketState {
  readonly status: SocketStatus;
  /** The last one that was asked for. */
  readonly pipelineId: string | null;
  /** Of this connection. A dropped frame leaves it as it is. */
  readonly lastResult: LiveResult | null;
  /** Of this connection. */
  readonly droppedFrames: number;
  /** Of this connection. */
  readonly slowDownWarnings: number;
  /** Why the last connection ended; null if it was asked to, and again once a new one works. */
  readonly failure: Failure | null;
}

const NOTHING: SocketState = {
  status: "disconnected",
  pipelineId: null,
  lastResult: null,
  droppedFrames: 0,
  slowDownWarnings: 0,
  failure: null,
};

const OPEN_WITHIN_MS = 10_000;
/** The server itself gives up on a frame after 10 s, and says so. */
const ANSWER_WITHIN_MS = 15_000;
const GOING_AWAY = 1012;

/**
 * One live connection at a time: JPEGs out, answers in. What comes from an earlier connection is not listened to.
 *
 * A frame's index is how many were sent before it on its connection: the server counts the same way.
 */
export class FrameSocket {
  /** Told every answer, after the state has it. */
  onAnswer: (answer: LiveAnswer) => void = () => undefined;

  readonly #token: () => string | null;
  readonly #listeners = new Set<() => void>();
  #state = NOTHING;
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sent = 0;
  #answered = 0;

  constructor(token: () => string | null) {
    this.#token = token;
  }

  readonly state = (): SocketState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Frames that were sent, and for which nothing came back yet: in the browser, on the way, or at the server. */
  get unanswered(): number {
    return this.#sent - this.#answered;
  }

  /** Bytes that the browser could not send yet. */
  get bufferedBytes(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Opens a new connection and drops the old one. The failure stays until the new connection works. */
  connect(pipelineId: string): void {
    this.#leave();
    this.#sent = this.#answered = 0;
    const { failure } = this.#state;
    this.#show({ ...NOTHING, status: "connecting", pipelineId, failure });
    const path = `/ws/video/stream?pipeline_id=${encodeURIComponent(pipelineId)}`;
    const socket = new WebSocket(socketUrl(path), subprotocols(this.#token()));
    this.#socket = socket;
    const ours = (step: () => void) => () => {
      if (this.#socket === socket) step();
    };
    socket.addEventListener("open", ours(this.#opened));
    socket.addEventListener("message", (event: MessageEvent<unknown>) => ours(() => this.#message(event.data))());
    socket.addEventListener("close", (event) => ours(() => this.#closed(event.code))());
    this.#within(OPEN_WITHIN_MS, "connection_refused");
  }

  /** Ends it on purpose: no failure. */
  disconnect(): void {
    this.#leave();
    this.#show({ ...this.#state, status: "disconnected", lastResult: null, failure: null });
  }

  /** Ends it because of something that was found out elsewhere. */
  fail(failure: Failure): void {
    this.#leave();
    this.#show({ ...this.#state, status: "disconnected", lastResult: null, failure });
  }

  /** Sends one JPEG; its index, or null if there is no connection. */
  sendFrame(bytes: Uint8Array<ArrayBuffer> | ArrayBuffer): number | null {
    if (this.#state.status !== "connected" || !this.#socket) return null;
    this.#socket.send(bytes);
    if (this.unanswered === 0) this.#within(ANSWER_WITHIN_MS, "server_silent");
    this.#sent += 1;
    return this.#sent - 1;
  }

  readonly #opened = (): void => {
    clearTimeout(this.#timer);
    const { failure } = this.#state;
    // what the server told may be so again: that is over only when there is a result
    this.#show({ ...this.#state, status: "connected", failure: failure && isTold(failure.code) ? failure : null });
  };

  #message(data: unknown): void {
    const answer = parseAnswer(data);
    if (answer === null) return this.fail(liveFailure("unexpected_answer"));
    if ("error" in answer) return this.fail(liveFailure(answer.error, answer.detail));
    if ("frame_index" in answer) {
      this.#answered = answer.frame_index + 1;
      clearTimeout(this.#timer);
      if (this.unanswered > 0) this.#within(ANSWER_WITHIN_MS, "server_silent");
    }
    this.#show(after(this.#state, answer));
    this.onAnswer(answer);
  }

  #closed(code: number): void {
    const opened = this.#state.status === "connected";
    const lost = code === GOING_AWAY ? "server_shutdown" : opened ? "connection_lost" : "connection_refused";
    this.fail(liveFailure(lost));
  }

  #within(ms: number, otherwise: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.fail(liveFailure(otherwise)), ms);
  }

  #leave(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #show(state: SocketState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

function after(state: SocketState, answer: LiveAnswer): SocketState {
  if ("result" in answer) return { ...state, lastResult: answer, failure: null };
  if ("dropped" in answer) return { ...state, droppedFrames: state.droppedFrames + 1 };
  return { ...state, slowDownWarnings: state.slowDownWarnings + 1 };
}
