export interface Deadline {
  /** Aborts when the time is over, or when the caller's own signal does. */
  readonly signal: AbortSignal;
  /** Whether the time was over. */
  readonly isOver: () => boolean;
}

/**
 * A signal that aborts after `afterMs` milliseconds, or when the caller's own signal aborts.
 * It does not use AbortSignal.any, which Safari has only since 17.4; the pages support Safari 16.
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
