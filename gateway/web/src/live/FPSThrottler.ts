export const MIN_FPS = 10;
export const MAX_FPS = 15;

/** How long nothing, or next to nothing, must have been dropped before one frame a second more is tried. */
const RECOVER_AFTER_MS = 4_000;
const FEW_DROPS = 0.05;
const MANY_DROPS = 0.1;

/**
 * How many frames a second are sent: as many as may be, until the server cannot keep up.
 *
 * `slow_down` goes to the least at once. After that every 4 s count: with next to no drops one more is tried, with
 * many drops one less is sent. So it stays near what the server can do, and comes back by itself.
 */
export class FPSThrottler {
  #fps = MAX_FPS;
  #dueAt = 0;
  #answers = 0;
  #drops = 0;
  #judgedAt: number | null = null;

  /** Frames a second, now. */
  get fps(): number {
    return this.#fps;
  }

  /** Milliseconds until the next frame is due; 0 if it is. */
  waitMs(now: number): number {
    return Math.max(0, this.#dueAt - now);
  }

  /** Whether a frame is due; the next one is due a period later. After a late frame there are no extra frames and no drift. */
  take(now: number): boolean {
    if (now < this.#dueAt) return false;
    const periodMs = 1000 / this.#fps;
    this.#dueAt = Math.max(this.#dueAt + periodMs, now + periodMs / 2);
    return true;
  }

  /** The server said `slow_down`. */
  slowDown(now: number): void {
    this.#fps = MIN_FPS;
    this.#judge(now);
  }

  /** The server answered a frame. */
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

  /** As at the beginning. */
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
