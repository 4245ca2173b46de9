/** The percentile of numbers by the nearest-rank method; `share` is 0 to 1. Null if there are no numbers. */
export function percentile(numbers: readonly number[], share: number): number | null {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}

/** Counts events, and gives their number a second over the last 2 s. */
export class Rate {
  readonly #times: number[] = [];

  note(now: number): void {
    this.#times.push(now);
    this.#forget(now);
  }

  perSecond(now: number): number {
    this.#forget(now);
    return (this.#times.length * 1000) / WINDOW_MS;
  }

  reset(): void {
    this.#times.length = 0;
  }

  #forget(now: number): void {
    while (this.#times[0] !== undefined && this.#times[0] <= now - WINDOW_MS) this.#times.shift();
  }
}

const WINDOW_MS = 2_000;

/** Keeps the last items that were added, up to a number, the oldest first. */
export class Latest<Item> {
  readonly #items: Item[] = [];
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  add(item: Item): void {
    this.#items.push(item);
    if (this.#items.length > this.#most) this.#items.shift();
  }

  get items(): readonly Item[] {
    return this.#items;
  }

  reset(): void {
    this.#items.length = 0;
  }
}
