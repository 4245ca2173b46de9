import type { LiveAnswer } from "./answers";
import { FPSThrottler } from "./FPSThrottler";
import type { FrameSocket, SocketState } from "./FrameSocket";
import { Latest, percentile, Rate } from "./measures";

/** How the stream goes, now. */
export interface RealtimeMetrics {
  /** Frames a second that are sent at most. */
  readonly targetFps: number;
  /** Frames a second that were sent, lately. */
  readonly sentFps: number;
  /** Results a second that came, lately. */
  readonly resultFps: number;
  /** The share of the last 60 frames that the server dropped. */
  readonly dropRate: number;
  /** Frames of this connection that were not even taken, for those before were still on their way. */
  readonly heldBack: number;
  /** From sending a frame to its result, the oldest first. */
  readonly roundTripsMs: readonly number[];
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
}

/** At most so many frames are on their way at a time: a picture of half a second ago is of no use to anybody. */
const MOST_UNANSWERED = 5;
const LAST_FRAMES = 60;
/** Half a step of a walk, or a third of a nod: what is drawn is then seen to follow the person. */
const SLOW_MS = 250;
/** The share of dropped frames at which the server asks for fewer. */
const SLOW_DROPS = 0.3;

/**
 * The real-time lane as the page uses it: a connection, how fast to send, and how it goes.
 *
 * Frames never pile up: none is taken while the browser holds bytes of the one before, or while five are unanswered.
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

  /** Milliseconds until it is worth asking `takesFrame` again. */
  waitMs(): number {
    return this.#throttler.waitMs(this.#now());
  }

  /** Whether to take a picture from the camera now, and send it. */
  takesFrame(): boolean {
    if (this.state.status !== "connected" || !this.#throttler.take(this.#now())) return false;
    const free = this.#socket.bufferedBytes === 0 && this.#socket.unanswered < MOST_UNANSWERED;
    if (!free) this.#heldBack += 1;
    return free;
  }

  /** Sends one JPEG; without a connection it is nothing. */
  readonly sendFrame = (bytes: Uint8Array<ArrayBuffer> | ArrayBuffer): void => {
    const index = this.#socket.sendFrame(bytes);
    if (index === null) return;
    const now = this.#now();
    this.#sentAt.set(index, now);
    this.#frames.set(index, bytes);
    this.#sends.note(now);
  };

  /** The JPEG of a result, until there is a newer result: its landmarks belong to this picture and to no later one. */
  frameOf(index: number): Uint8Array<ArrayBuffer> | ArrayBuffer | null {
    return this.#frames.get(index) ?? null;
  }

  /** Whether answers come too late, or too seldom, to follow a movement. */
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

  /** Only the picture of the newest result is of use, and those that are on their way. */
  #forgetFrames(answered: number, dropped: boolean): void {
    for (const index of this.#frames.keys()) {
      if (dropped ? index === answered : index < answered) this.#frames.delete(index);
    }
  }
}
