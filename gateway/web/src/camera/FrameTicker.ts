export interface Tick {
  /** How many periods after the start this one was due. Numbers that are left out were skipped. */
  readonly index: number;
  /** When it was due, in milliseconds since the start. */
  readonly dueMs: number;
  /** When it came. */
  readonly elapsedMs: number;
}

/**
 * Ticks at a rate that does not drift: tick n is due at start + n / fps, even if other ticks were late.
 *
 * A tick that comes late is one tick; those that were due meanwhile are skipped, and the next is at least half a period
 * away, so they never come in bunches.
 */
export class FrameTicker {
  readonly #periodMs: number;
  readonly #onTick: (tick: Tick) => void;
  readonly #now: () => number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #startedAt = 0;
  #index = 0;

  constructor(fps: number, onTick: (tick: Tick) => void, now: () => number = () => performance.now()) {
    this.#periodMs = 1000 / fps;
    this.#onTick = onTick;
    this.#now = now;
  }

  get running(): boolean {
    return this.#timer !== undefined;
  }

  /** Milliseconds since the start. */
  get elapsedMs(): number {
    return this.#now() - this.#startedAt;
  }

  /** Starts again with tick 0, right after this method returns. */
  start(): void {
    this.stop();
    this.#startedAt = this.#now();
    this.#index = 0;
    this.#wait();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(): void {
    const left = this.#index * this.#periodMs - this.elapsedMs;
    this.#timer = setTimeout(this.#tick, Math.max(0, Math.ceil(left))); // timers have whole milliseconds
  }

  readonly #tick = (): void => {
    const elapsedMs = this.elapsedMs;
    if (elapsedMs < this.#index * this.#periodMs) {
      this.#wait(); // some browsers' timers come a little early
      return;
    }
    const index = Math.max(this.#index, Math.floor(elapsedMs / this.#periodMs));
    this.#index = Math.max(index + 1, Math.ceil(elapsedMs / this.#periodMs + 0.5));
    this.#wait();
    this.#onTick({ index, dueMs: index * this.#periodMs, elapsedMs });
  };
}
