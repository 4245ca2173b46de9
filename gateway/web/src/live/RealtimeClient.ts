import type { LiveAnswer } from "./answers";
import { FPSThrottler } from "./FPSThrottler";
import type { FrameSocket, SocketState } from "./FrameSocket";
import { Latest, percentile, Rate } from "./measures";

/** Measurements of the stream. */
export interface RealtimeMetrics {
  /** The most frames a second that are sent. */
  readonly targetFps: number;
  /** Frames a second that were sent in the last 2 s. */
  readonly sentFps: number;
  /** Results a second that came in the last 2 s. */
  readonly resultFps: number;
  /** The share of the last 60 frames that the server dropped. */
  readonly dropRate: number;
  /** The number of frames of this connection that were not taken, because earlier ones were not yet sent or answered. */
  readonly heldBack: number;
  /** The times from sending a frame to its result, the oldest first. */
  readonly roundTripsMs: readonly number[];
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
}

/** The most unanswered frames. At 10 frames a second, five are half a second; an older result would be useless. */
const MOST_UNANSWERED = 5;
const LAST_FRAMES = 60;
/** A longer round trip is called slow. 250 ms are half a step of a walk: a person sees that the drawing lags. */
const SLOW_MS = 250;
/** A higher share of dropped frames is called slow. At this share the server sends `slow_down`. */
const SLOW_DROPS = 0.3;

/**
 * The real-time lane for the page: the connection, the frame rate, and the measurements.
 *
 * Frames never queue: none is taken while the browser still holds bytes of the last one, or while five are unanswered.
 */
export class RealtimeClient {
  readonly #socket: FrameSocket;
  readonly #throttler: FPSThrottler;
  readonly #now: () => number;
  readonly #sentAt = new Map<number, number>();
  readonly #frames = new Map<number, Uint8Array<ArrayBuffer> | ArrayBuffer>();
  readonly #sends = new Rate();
  readonly #results = new Rate();
  readonly #drops = new Latest<boolean>(LAST_FRAMES);
  readonly #roundTrips = new Latest<number>(LAST_FRAMES);
  #heldBack = 0;

  constructor(socket: FrameSocket, throttler = new FPSThrottler(), now: () => number = () => performance.now()) {
    this.#socket = socket;
    this.#throttler = throttler;
    this.#now = now;
    socket.onAnswer = (answer) => this.#note(answer);
  }

  get state(): SocketState {
    return this.#socket.state();
  }

  readonly connect = (pipelineId: string): void => {
    this.#throttler.reset();
    this.#sentAt.clear();
    this.#frames.clear();
    for (const measure of [this.#sends, this.#results, this.#drops, this.#roundTrips]) measure.reset();
    this.#heldBack = 0;
    this.#socket.connect(pipelineId);
  };

  readonly disconnect = (): void => this.#socket.disconnect();

  /** Milliseconds until `takesFrame` may return true. */
  waitMs(): number {
    return this.#throttler.waitMs(this.#now());
  }

  /** Whether to take a picture from the camera now and send it. */
  takesFrame(): boolean {
    if (this.state.status !== "connected" || !this.#throttler.take(this.#now())) return false;
    const free = this.#socket.bufferedBytes === 0 && this.#socket.unanswered < MOST_UNANSWERED;
    if (!free) this.#heldBack += 1;
    return free;
  }

  /** Sends one JPEG. Does nothing without a connection. */
  readonly sendFrame = (bytes: Uint8Array<ArrayBuffer> | ArrayBuffer): void => {
    const index = this.#socket.sendFrame(bytes);
    if (index === null) return;
    const now = this.#now();
    this.#sentAt.set(index, now);
    this.#frames.set(index, bytes);
    this.#sends.note(now);
  };

  /** The JPEG of a frame, so that its landmarks are drawn over the right picture; null after a newer result. */
  frameOf(index: number): Uint8Array<ArrayBuffer> | ArrayBuffer | null {
    return this.#frames.get(index) ?? null;
  }

  /** Whether results come too late or too seldom to follow a movement. */
  isSlow(): boolean {
    const { p50Ms, dropRate } = this.metrics();
    return (p50Ms ?? 0) > SLOW_MS || dropRate > SLOW_DROPS;
  }

  metrics(): RealtimeMetrics {
    const now = this.#now();
    const drops = this.#drops.items;
    const roundTripsMs = [...this.#roundTrips.items];
    return {
      targetFps: this.#throttler.fps,
      sentFps: this.#sends.perSecond(now),
      resultFps: this.#results.perSecond(now),
      dropRate: drops.filter(Boolean).length / Math.max(1, drops.length),
      heldBack: this.#heldBack,
      roundTripsMs,
      p50Ms: percentile(roundTripsMs, 0.5),
      p95Ms: percentile(roundTripsMs, 0.95),
    };
  }

  #note(answer: LiveAnswer): void {
    const now = this.#now();
    if ("warning" in answer) this.#throttler.slowDown(now);
    if (!("frame_index" in answer)) return;
    const dropped = "dropped" in answer;
    this.#throttler.answered(dropped, now);
    this.#drops.add(dropped);
    const sentAt = this.#sentAt.get(answer.frame_index);
    this.#sentAt.delete(answer.frame_index);
    this.#forgetFrames(answer.frame_index, dropped);
    if (dropped || sentAt === undefined) return;
    this.#results.note(now);
    this.#roundTrips.add(now - sentAt);
  }

  /** Keeps only the pictures of the newest result and of unanswered frames. */
  #forgetFrames(answered: number, dropped: boolean): void {
    for (const index of this.#frames.keys()) {
      if (dropped ? index === answered : index < answered) this.#frames.delete(index);
    }
  }
}
