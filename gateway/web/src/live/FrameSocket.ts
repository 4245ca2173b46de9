import type { Failure } from "../api/failure";
import { socketUrl, subprotocols } from "../api/http";
import type { LiveResult } from "../api/messages";
import { parseAnswer, type LiveAnswer } from "./answers";
import { isServerCode, liveFailure } from "./failures";

export type SocketStatus = "connecting" | "connected" | "disconnected";

export interface SocketState {
  readonly status: SocketStatus;
  /** The pipeline of the current or the last connection. */
  readonly pipelineId: string | null;
  /** The last result of this connection. A dropped frame does not change it. */
  readonly lastResult: LiveResult | null;
  /** The number of dropped frames of this connection. */
  readonly droppedFrames: number;
  /** The number of `slow_down` warnings of this connection. */
  readonly slowDownWarnings: number;
  /** Why the last connection ended; null if the page ended it, and after a new connection works. */
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
/** How long the server may take to answer a frame. The server itself reports a failure after 10 s. */
const ANSWER_WITHIN_MS = 15_000;
const GOING_AWAY = 1012;

/**
 * Sends JPEGs and receives answers, over one live connection at a time. Events of earlier connections are ignored.
 *
 * A frame's index is the number of frames sent before it on its connection, because the server counts in the same way.
 */
export class FrameSocket {
  /** Called with every answer, after the state has changed. */
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

  /** The number of frames that were sent and not yet answered. */
  get unanswered(): number {
    return this.#sent - this.#answered;
  }

  /** The number of bytes that the browser has not sent yet. */
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

  /** Ends the connection without a failure. */
  disconnect(): void {
    this.#leave();
    this.#show({ ...this.#state, status: "disconnected", lastResult: null, failure: null });
  }

  /** Ends the connection with a failure. */
  fail(failure: Failure): void {
    this.#leave();
    this.#show({ ...this.#state, status: "disconnected", lastResult: null, failure });
  }

  /** Sends one JPEG. Returns its index, or null if there is no connection. */
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
    // keep a failure that the server reported: it may happen again, so only a result clears it
    this.#show({
      ...this.#state,
      status: "connected",
      failure: failure && isServerCode(failure.code) ? failure : null,
    });
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
