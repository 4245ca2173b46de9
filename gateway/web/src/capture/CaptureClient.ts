import type { Failure } from "../api/failure";
import { failureOf } from "../api/failure";
import { FrameTicker, type Tick } from "../camera/FrameTicker";
import type { JpegFrame } from "../camera/grab";
import { PictureWatch } from "../camera/PictureWatch";
import { fpsOf } from "./limits";
import type { CaptureReport, CaptureWindow } from "./messages";
import { CaptureProtocol, isOver, type CaptureState, type Message } from "./protocol";

/** The functions that a capture needs, for the socket, the camera and HTTP. */
export interface CaptureDependencies {
  /** Checks the session over HTTP, which also asks for the token; a socket's handshake cannot. Throws if it is refused. */
  readonly prepare: () => Promise<void>;
  readonly connect: () => WebSocket;
  readonly grab: (window: CaptureWindow, quality: number) => Promise<JpegFrame | null>;
  /** A small copy of the camera's picture, RGBA. */
  readonly thumbnail: () => Uint8ClampedArray | null;
  readonly report: (captureId: string) => Promise<CaptureReport>;
}

const STEP_MS = 200;
/** The pauses before the page asks after a lost connection: doubled each time. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;
// a take is recorded 0.1 s after its end if the extractor kept up, and a person waits for the words
const ASK_SOON_MS = 100;
const ASKED_SOON = 20;
const ASK_MS = 500;
const ASK_AGAIN_MS = 2000;

/**
 * Runs one capture, from its open to its outcome: connects a socket, a ticker and a camera with a `CaptureProtocol`.
 *
 * It calls `onState` when the phase changes, and otherwise a few times a second, but not for every frame.
 */
export class CaptureClient {
  readonly #dependencies: CaptureDependencies;
  readonly #onState: (state: CaptureState) => void;
  readonly #protocol: CaptureProtocol;
  readonly #ticker: FrameTicker;
  readonly #watch = new PictureWatch();
  #socket: WebSocket | null = null;
  #steps: ReturnType<typeof setInterval> | undefined;
  #asking: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;
  #losses = 0;
  #taking = false;
  #disposed = false;
  #shown: CaptureState | null = null;

  constructor(window: CaptureWindow, dependencies: CaptureDependencies, onState: (state: CaptureState) => void) {
    this.#dependencies = dependencies;
    this.#onState = onState;
    this.#protocol = new CaptureProtocol(window);
    this.#ticker = new FrameTicker(fpsOf(window.limits), (tick) => void this.#take(tick));
  }

  /** The window of the present attempt: its ids change if the take is sent again. */
  get window(): CaptureWindow {
    return this.#protocol.window;
  }

  get state(): CaptureState {
    return this.#protocol.state;
  }

  /** Begins the capture. Never throws. Call it once. */
  async start(): Promise<void> {
    this.#update();
    try {
      await this.#dependencies.prepare();
      if (this.#disposed || isOver(this.state)) return;
      this.#listen(this.#dependencies.connect());
    } catch (error) {
      this.fail(failureOf(error));
      return;
    }
    this.#steps = setInterval(() => {
      this.#send(this.#protocol.tick(now(), this.#socket?.bufferedAmount));
      this.#update(true);
    }, STEP_MS);
  }

  /** Stops the capture and keeps it; does nothing before the shortest time that the server accepts. */
  stop(): void {
    this.#send(this.#protocol.stop(now()));
    this.#update();
  }

  /** Stops the capture because it cannot continue. It is kept if it is long enough. */
  interrupt(why: Failure): void {
    this.#send(this.#protocol.interrupt(why, now()));
    this.#update();
  }

  /** Ends the capture without keeping it. */
  fail(failure: Failure): void {
    this.#protocol.fail(failure);
    this.#update();
  }

  /** Closes the socket and stops all timers. `onState` is not called again. */
  dispose(): void {
    this.#disposed = true;
    this.#release();
  }

  #listen(socket: WebSocket): void {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      if (this.#socket !== socket) return;
      this.#send(this.#protocol.connected(now(), Date.now()));
      this.#update();
    });
    socket.addEventListener("message", ({ data }) => {
      if (this.#socket !== socket) return;
      this.#protocol.received(String(data), now());
      if (this.#protocol.link === "up") this.#losses = 0;
      if (this.state.phase === "failed" || this.state.lost) this.#update();
    });
    socket.addEventListener("close", ({ code, reason }) => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#protocol.disconnected(code, reason);
      this.#update();
    });
  }

  async #take({ index }: Tick): Promise<void> {
    const buffered = this.#socket?.bufferedAmount ?? Infinity;
    if (this.#taking || !this.#protocol.wantsFrame(index, buffered)) return;
    this.#taking = true;
    const takenAt = now();
    try {
      const jpeg = await this.#dependencies.grab(this.window, this.#protocol.quality);
      const picture = this.#watch.check(this.#dependencies.thumbnail(), takenAt);
      this.#send(this.#protocol.frame(jpeg, index, takenAt, picture));
    } catch {
      // no picture this time; if none comes for some seconds, the protocol ends the capture
    } finally {
      this.#taking = false;
    }
  }

  #send(messages: readonly Message[]): void {
    for (const message of messages) {
      if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(message);
    }
  }

  /** Starts and stops the timers that the phase needs, and calls `onState`. `quietly`: only if the state has changed. */
  #update(quietly = false): void {
    const { state } = this;
    if (this.#disposed || (quietly && state === this.#shown)) return;
    this.#shown = state;
    if (state.phase === "recording") {
      if (!this.#ticker.running) this.#ticker.start();
    } else this.#ticker.stop();
    this.#restore();
    if (state.phase === "settling" && this.#asking === undefined) this.#ask(0);
    if (isOver(state)) this.#release();
    this.#onState(state);
  }

  /** Does what a lost connection needs: asks for the outcome of the attempt, or connects again. */
  #restore(): void {
    const { link } = this.#protocol;
    if (link === "up" || isOver(this.state)) return;
    if (link === "asking") {
      this.#hangUp();
      if (this.#asking === undefined) this.#ask(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#losses++));
    } else if (!this.#socket) this.#listen(this.#dependencies.connect());
  }

  #hangUp(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
  }

  #ask(afterMs: number): void {
    this.#asking = setTimeout(() => void this.#report(), afterMs);
  }

  async #report(): Promise<void> {
    this.#asked += 1;
    try {
      this.#protocol.reported(await this.#dependencies.report(this.window.captureId));
    } catch (error) {
      this.#protocol.unreported(failureOf(error));
    }
    const { link } = this.#protocol;
    if (this.#disposed || isOver(this.state) || link !== "up") this.#asking = undefined;
    else if (this.state.trouble) this.#ask(ASK_AGAIN_MS);
    else this.#ask(this.#asked < ASKED_SOON ? ASK_SOON_MS : ASK_MS);
    this.#update();
  }

  #release(): void {
    clearInterval(this.#steps);
    clearTimeout(this.#asking);
    this.#ticker.stop();
    this.#hangUp();
  }
}

function now(): number {
  return performance.now();
}
