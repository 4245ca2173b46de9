export interface Deadline {
  /** Aborts when the time is over, or when the caller's own signal does. */
  readonly signal: AbortSignal;
  /** Whether the time was over first. */
  readonly isOver: () => boolean;
}

/**
 * A time limit, with the caller's signal if there is one.
 * By hand: AbortSignal.any came to Safari with 17.4, AbortSignal.timeout with 16, and phones of that age are in use.
 */
export function deadline(afterMs: number, given?: AbortSignal): Deadline {
  const controller = new AbortController();
  let over = false;
  setTimeout(() => {
    over = true;
    controller.abort();
  }, afterMs);
  const follow = () => controller.abort(given?.reason);
  if (given?.aborted) follow();
  given?.addEventListener("abort", follow);
  return { signal: controller.signal, isOver: () => over };
}
