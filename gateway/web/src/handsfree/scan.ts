/** A walk over the controls of a page: one after the other is highlighted, each for the pace. */
export interface Scan<T> {
  readonly items: readonly T[];
  /** The place of the highlighted one. */
  readonly at: number;
  /** Since when it is highlighted. */
  readonly sinceMs: number;
}

export function startScan<T>(items: readonly T[], atMs: number): Scan<T> {
  return { items, at: 0, sinceMs: atMs };
}

/** The highlighted control; null if there is none. */
export function highlighted<T>({ items, at }: Scan<T>): T | null {
  return items[at] ?? null;
}

/**
 * The walk a moment later. A control that is still there stays highlighted when others come and go; if it is gone, the walk
 * begins again. It goes on when the pace is over, except while `held`: a hand that is being raised means this control.
 */
export function walk<T>(scan: Scan<T>, items: readonly T[], atMs: number, paceMs: number, held = false): Scan<T> {
  const present = highlighted(scan);
  const place = present === null ? -1 : items.indexOf(present);
  if (place < 0) return startScan(items, atMs);
  const over = !held && items.length > 1 && atMs - scan.sinceMs >= paceMs;
  return over ? { items, at: (place + 1) % items.length, sinceMs: atMs } : { items, at: place, sinceMs: scan.sinceMs };
}

/** The walk after a press: the control stays highlighted for a whole pace, so that it can be pressed again. */
export function stay<T>(scan: Scan<T>, atMs: number): Scan<T> {
  return { ...scan, sinceMs: atMs };
}

/** What a screen reader was told last, and when. */
export interface Spoken {
  readonly name: string;
  readonly atMs: number;
}

export const SILENT: Spoken = { name: "", atMs: -Infinity };
/** A screen reader takes about so long for a name. It would only be interrupted by a faster walk. */
export const SPEECH_MS = 1000;

/** What a screen reader is told: the highlighted control, at most one each second. */
export function spoken(last: Spoken, name: string, atMs: number): Spoken {
  return name === last.name || atMs - last.atMs < SPEECH_MS ? last : { name, atMs };
}
