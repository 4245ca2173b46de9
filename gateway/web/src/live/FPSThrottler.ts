export const MIN_FPS = 10;
export const MAX_FPS = 15;

/** The rate is adapted once in this time. */
const RECOVER_AFTER_MS = 4_000;
/** Up to this share of drops, the rate rises. */
const FEW_DROPS = 0.05;
/** Above this share of drops, the rate falls. */
const MANY_DROPS = 0.1;

/**
 * Decides how many frames a second are sent: `MAX_FPS`, unless the server cannot process so many.
 *
 * After `slow_down` the rate is `MIN_FPS`. Then, every 4 s, it rises by one frame a second if few frames were dropped, and
 * falls by one if many were. So it stays near the rate that the server can process, and recovers by itself.
 */
export class FPSThrottler {
  #fps = MAX_FPS;
  #dueAt = 0;
  #answers = 0;
  #drops = 0;
  #judgedAt: number | null = null;

  /** The current rate, in frames a second. */
  get fps(): number {
    return this.#fps;
  }

  /** Milliseconds until the next frame is due; 0 if it is due now. */
  waitMs(now: number): number {
    return Math.max(0, this.#dueAt - now);
  }

  /** Whether a frame is due. If so, the next one is due a period later. After a late frame there are no extra ones. */
  take(now: number): boolean {
    if (now < this.#dueAt) return false;
    const periodMs = 1000 / this.#fps;
    this.#dueAt = Math.max(this.#dueAt + periodMs, now + periodMs / 2);
    return true;
  }

  /** Handles the server's `slow_down`. */
  slowDown(now: number): void {
    this.#fps = MIN_FPS;
    this.#judge(now);
  }

  /** Counts an answer to a frame, and adapts the rate when it is time. */
  answered(dropped: boolean, now: number): void {
    this.#judgedAt ??= now;
    this.#answers += 1;
    this.#drops += dropped ? 1 : 0;
    if (now - this.#judgedAt < RECOVER_AFTER_MS) return;
    const share = this.#drops / this.#answers;
    if (share <= FEW_DROPS) this.#fps = Math.min(MAX_FPS, this.#fps + 1);
    if (share > MANY_DROPS) this.#fps = Math.max(MIN_FPS, this.#fps - 1);
    this.#judge(now);
  }

  /** Returns to the initial state. */
  reset(): void {
    this.#fps = MAX_FPS;
    this.#dueAt = 0;
    this.#judgedAt = null;
    this.#answers = this.#drops = 0;
  }

  #judge(now: number): void {
    this.#judgedAt = now;
    this.#answers = this.#drops = 0;
  }
}
