import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { deadline } from "./deadline";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("aborts when the time is over", () => {
  const limit = deadline(1000);
  vi.advanceTimersByTime(999);
  expect([limit.signal.aborted, limit.isOver()]).toEqual([false, false]);
  vi.advanceTimersByTime(1);
  expect([limit.signal.aborted, limit.isOver()]).toEqual([true, true]);
});

it("aborts when the caller gives up, before or meanwhile, and the time is then not over", () => {
  const given = new AbortController();
  const limit = deadline(1000, given.signal);
  given.abort();
  expect([limit.signal.aborted, limit.isOver()]).toEqual([true, false]);
  expect(deadline(1000, given.signal).signal.aborted).toBe(true);
});
