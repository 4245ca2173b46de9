export interface Tick {
  /** The number of periods between the start and the time at which this tick was due. Missing numbers were skipped. */
  readonly index: number;
  /** When it was due, in milliseconds since the start. */
  readonly dueMs: number;
  /** When it came, in milliseconds since the start. */
  readonly elapsedMs: number;
}

/**
 * Ticks at a rate that does not drift: tick n is due at start + n / fps, even if other ticks were late.
 *
 * If a tick is late, the ticks that were due until then are skipped. The next one comes at least half a period later, so
 * two ticks never follow closely.
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

  /** Starts with tick 0, which comes right after this method returns. A running ticker starts again. */
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
    this.#timer = setTimeout(this.#tick, Math.max(0, Math.ceil(left))); // setTimeout cuts fractions of a millisecond
  }

  readonly #tick = (): void => {
    const elapsedMs = this.elapsedMs;
    if (elapsedMs < this.#index * this.#periodMs) {
      this.#wait(); // the timers of some browsers fire a little early
      return;
    }
    const index = Math.max(this.#index, Math.floor(elapsedMs / this.#periodMs));
    this.#index = Math.max(index + 1, Math.ceil(elapsedMs / this.#periodMs + 0.5));
    this.#wait();
    this.#onTick({ index, dueMs: index * this.#periodMs, elapsedMs });
  };
}
