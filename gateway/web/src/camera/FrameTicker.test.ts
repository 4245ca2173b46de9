import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { FrameTicker, type Tick } from "./FrameTicker";

function recorded(fps: number) {
  const ticks: Tick[] = [];
  let lag = 0;
  const ticker = new FrameTicker(
    fps,
    (tick) => ticks.push(tick),
    () => performance.now() + lag,
  );
  return { ticks, ticker, delay: (ms: number) => (lag += ms) };
}

describe("FrameTicker", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("tick n is due at start + n / fps", () => {
    const { ticks, ticker } = recorded(10);
    ticker.start();
    vi.advanceTimersByTime(1000);
    expect(ticks.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(ticks.map(({ dueMs }) => dueMs)).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]);
  });

  test("it does not drift, though timers have whole milliseconds and periods do not", () => {
    const { ticks, ticker } = recorded(15);
    ticker.start();
    vi.advanceTimersByTime(120_000);
    expect(ticks.length).toBeGreaterThanOrEqual(1800);
    expect(Math.max(...ticks.map(({ dueMs, elapsedMs }) => elapsedMs - dueMs))).toBeLessThan(2);
  });

  test("late ticks are skipped, never bunched", () => {
    const { ticks, ticker, delay } = recorded(10);
    ticker.start();
    vi.advanceTimersByTime(100);
    delay(960); // the next one comes 960 ms late
    vi.advanceTimersByTime(1000);
    const gaps = ticks.slice(1).map(({ elapsedMs }, at) => elapsedMs - (ticks[at]?.elapsedMs ?? 0));
    expect(ticks[2]?.index).toBe(11);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(50);
    expect(new Set(ticks.map(({ index }) => index)).size).toBe(ticks.length);
  });

  test("a timer that is always late still ticks", () => {
    const { ticks, ticker, delay } = recorded(15);
    ticker.start();
    for (let second = 0; second < 10; second += 1) {
      delay(950);
      vi.advanceTimersByTime(70);
    }
    expect(ticks.length).toBeGreaterThanOrEqual(9);
  });

  test("nothing ticks after stop, and start begins again", () => {
    const { ticks, ticker } = recorded(10);
    ticker.start();
    vi.advanceTimersByTime(250);
    ticker.stop();
    vi.advanceTimersByTime(1000);
    expect(ticks).toHaveLength(3);
    expect(ticker.running).toBe(false);
    ticker.start();
    vi.advanceTimersByTime(0);
    expect(ticks.at(-1)).toMatchObject({ index: 0, dueMs: 0 });
  });

  test("the one who is called may stop it", () => {
    let calls = 0;
    const ticker: FrameTicker = new FrameTicker(10, () => {
      calls += 1;
      ticker.stop();
    });
    ticker.start();
    vi.advanceTimersByTime(1000);
    expect(calls).toBe(1);
  });
});
