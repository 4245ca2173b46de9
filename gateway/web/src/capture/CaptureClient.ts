import type { Failure } from "../api/failure";
import { failureOf } from "../api/failure";
import { FrameTicker, type Tick } from "../camera/FrameTicker";
import type { JpegFrame } from "../camera/grab";
import { PictureWatch } from "../camera/PictureWatch";
import { fpsOf } from "./limits";
import type { CaptureReport, CaptureWindow } from "./messages";
import { CaptureProtocol, isOver, type CaptureState, type Message } from "./protocol";

/** What a capture needs from the world. */
export interface CaptureWorld {
  /** Asks for whatever the socket's handshake cannot ask for, the token above all. Throws if it may not go on. */
  readonly prepare: () => Promise<void>;
  readonly connect: () => WebSocket;
  readonly grab: (window: CaptureWindow, quality: number) => Promise<JpegFrame | null>;
  /** What the camera shows now, small. */
  readonly look: () => Uint8ClampedArray | null;
  readonly report: (captureId: string) => Promise<CaptureReport>;
}

const STEP_MS = 200;
const ASK_MS = 500;
const ASK_AGAIN_MS = 2000;

/**
 * One capture from its open to its hash: pumps a socket, a ticker and a camera through a `CaptureProtocol`.
 *
 * `onState` is called when the phase changes, and else a few times a second, never for every frame.
 */
export class CaptureClient {
  readonly window: CaptureWindow;
  readonly #world: CaptureWorld;
  readonly #onState: (state: CaptureState) => void;
  readonly #protocol: CaptureProtocol;
  readonly #ticker: FrameTicker;
  readonly #watch = new PictureWatch();
  #socket: WebSocket | null = null;
  #steps: ReturnType<typeof setInterval> | undefined;
  #asking: ReturnType<typeof setTimeout> | undefined;
  #taking = false;
  #disposed = false;
  #shown: CaptureState | null = null;

  constructor(window: CaptureWindow, world: CaptureWorld, onState: (state: CaptureState) => void) {
    this.window = window;
    this.#world = world;
    this.#onState = onState;
    this.#protocol = new CaptureProtocol(window);
    this.#ticker = new FrameTicker(fpsOf(window.limits), (tick) => void this.#take(tick));
  }

  get state(): CaptureState {
    return this.#protocol.state;
  }

  /** Begins. Never throws; called once. */
  async start(): Promise<void> {
    this.#settle();
    try {
      await this.#world.prepare();
      if (this.#disposed || isOver(this.state)) return;
      this.#listen(this.#world.connect());
    } catch (error) {
      this.fail(failureOf(error));
      return;
    }
    this.#steps = setInterval(() => {
      this.#send(this.#protocol.tick(now()));
      this.#settle(true);
    }, STEP_MS);
  }

  /** Stops and keeps it, from two seconds on. */
  stop(): void {
    this.#send(this.#protocol.stop(now()));
    this.#settle();
  }

  /** Stops, and keeps what there is, because it cannot go on; nothing is kept if that is too short. */
  interrupt(why: Failure): void {
    this.#send(this.#protocol.interrupt(why, now()));
    this.#settle();
  }

  /** Ends it without keeping it. */
  fail(failure: Failure): void {
    this.#protocol.fail(failure);
    this.#settle();
  }

  /** Lets go of everything; nothing is called any more. */
  dispose(): void {
    this.#disposed = true;
    this.#release();
  }

  #listen(socket: WebSocket): void {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      this.#send(this.#protocol.connected(now(), Date.now()));
      this.#settle();
    });
    socket.addEventListener("message", ({ data }) => {
      this.#protocol.received(String(data), now());
      if (this.state.phase === "failed") this.#settle();
    });
    socket.addEventListener("close", ({ code, reason }) => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#protocol.disconnected(code, reason);
      this.#settle();
    });
  }

  async #take({ index }: Tick): Promise<void> {
    const buffered = this.#socket?.bufferedAmount ?? Infinity;
    if (this.#taking || !this.#protocol.wantsFrame(index, buffered)) return;
    this.#taking = true;
    const takenAt = now();
    try {
      const jpeg = await this.#world.grab(this.window, this.#protocol.quality);
      const picture = this.#watch.see(this.#world.look(), takenAt);
      this.#send(this.#protocol.frame(jpeg, index, takenAt, picture));
    } catch {
      // no picture this time; if none ever comes, the protocol says so
    } finally {
      this.#taking = false;
    }
  }

  #send(messages: readonly Message[]): void {
    for (const message of messages) {
      if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(message);
    }
  }

  /** What runs follows from the phase. `quietly`: a step of a clock, which is shown if something changed. */
  #settle(quietly = false): void {
    const { state } = this;
    if (this.#disposed || (quietly && state === this.#shown)) return;
    this.#shown = state;
    if (state.phase === "recording") {
      if (!this.#ticker.running) this.#ticker.start();
    } else this.#ticker.stop();
    if (state.phase === "settling" && this.#asking === undefined) this.#ask(0);
    if (isOver(state)) this.#release();
    this.#onState(state);
  }

  #ask(afterMs: number): void {
    this.#asking = setTimeout(() => void this.#asked(), afterMs);
  }

  async #asked(): Promise<void> {
    try {
      this.#protocol.reported(await this.#world.report(this.window.captureId));
    } catch (error) {
      this.#protocol.unreported(failureOf(error));
    }
    if (this.#disposed || isOver(this.state)) this.#asking = undefined;
    else this.#ask(this.state.trouble ? ASK_AGAIN_MS : ASK_MS);
    this.#settle();
  }

  #release(): void {
    clearInterval(this.#steps);
    clearTimeout(this.#asking);
    this.#ticker.stop();
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
  }
}

function now(): number {
  return performance.now();
}
