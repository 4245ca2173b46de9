import { describe, expect, test } from "vitest";

import { FPSThrottler, MAX_FPS, MIN_FPS } from "./FPSThrottler";

/** The number of frames that are taken if the caller asks every millisecond. */
function taken(throttler: FPSThrottler, fromMs: number, toMs: number): number {
  let frames = 0;
  for (let now = fromMs; now < toMs; now += 1) frames += throttler.take(now) ? 1 : 0;
  return frames;
}

/** Answers this many frames at 10 a second; every n-th is dropped (0: none). */
function answers(throttler: FPSThrottler, fromMs: number, seconds: number, everyNth: number): number {
  for (let at = 0; at < seconds * 10; at += 1) {
    throttler.answered(everyNth > 0 && at % everyNth === 0, fromMs + at * 100);
  }
  return fromMs + seconds * 1000;
}

describe("FPSThrottler", () => {
  test("begins at fifteen frames a second, and does not drift", () => {
    const throttler = new FPSThrottler();
    expect(throttler.fps).toBe(15);
    const frames = taken(throttler, 0, 60_000);
    expect(frames).toBeGreaterThanOrEqual(899);
    expect(frames).toBeLessThanOrEqual(901);
  });

  test("slow_down goes to ten frames a second at once", () => {
    const throttler = new FPSThrottler();
    throttler.slowDown(0);
    expect(throttler.fps).toBe(MIN_FPS);
    expect(taken(throttler, 0, 10_000)).toBe(100);
  });

  test("recovers a frame a second at a time while nothing is dropped, up to fifteen", () => {
    const throttler = new FPSThrottler();
    throttler.slowDown(0);
    let now = answers(throttler, 0, 5, 0);
    expect(throttler.fps).toBe(11);
    now = answers(throttler, now, 60, 0);
    expect(throttler.fps).toBe(MAX_FPS);
    answers(throttler, now, 60, 0);
    expect(throttler.fps).toBe(MAX_FPS);
  });

  test("does not recover while frames are dropped", () => {
    const throttler = new FPSThrottler();
    throttler.slowDown(0);
    answers(throttler, 0, 30, 5);
    expect(throttler.fps).toBe(MIN_FPS);
  });

  test("goes down without being told when many are dropped, never below ten", () => {
    const throttler = new FPSThrottler();
    const now = answers(throttler, 0, 5, 5);
    expect(throttler.fps).toBe(14);
    answers(throttler, now, 60, 5);
    expect(throttler.fps).toBe(MIN_FPS);
  });

  test("stays where it is when a few are dropped", () => {
    const throttler = new FPSThrottler();
    throttler.slowDown(0);
    answers(throttler, 0, 30, 12);
    expect(throttler.fps).toBe(MIN_FPS);
  });

  test("a late frame is not followed by extra frames", () => {
    const throttler = new FPSThrottler();
    expect(throttler.take(0)).toBe(true);
    expect(throttler.take(5_000)).toBe(true);
    expect(throttler.take(5_030)).toBe(false);
    expect(throttler.waitMs(5_030)).toBeGreaterThan(0);
    expect(taken(throttler, 5_030, 6_000)).toBeLessThanOrEqual(15);
  });

  test("reset begins again", () => {
    const throttler = new FPSThrottler();
    throttler.slowDown(0);
    throttler.take(1_000);
    throttler.reset();
    expect(throttler.fps).toBe(MAX_FPS);
    expect(throttler.waitMs(1_000)).toBe(0);
  });
});
