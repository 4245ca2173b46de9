import { act, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { usePlayback } from "./usePlayback";

const TIMES = [0, 100, 200, 300];

let steps: FrameRequestCallback[] = [];

beforeEach(() => {
  steps = [];
  vi.stubGlobal("requestAnimationFrame", (step: FrameRequestCallback) => steps.push(step));
  vi.stubGlobal("cancelAnimationFrame", (id: number) => void (steps[id - 1] = () => undefined));
});
afterEach(() => {
  vi.unstubAllGlobals();
});

/** The browser draws at this time, in milliseconds. */
const draws = (now: number) => act(() => steps.at(-1)?.(now));

const start = (playing = true) =>
  renderHook(({ plays }) => usePlayback(TIMES, 400, plays), { initialProps: { plays: playing } });

test("nothing moves before it is started", () => {
  start(false);
  expect(steps).toEqual([]);
});

test("it shows each frame in its time, and begins again after the last one", () => {
  const { result } = start();
  const shown = [1000, 1090, 1110, 1310, 1399, 1410].map((now) => {
    draws(now);
    return result.current.frame;
  });
  expect(shown).toEqual([0, 0, 1, 3, 3, 0]);
});

test("it stops where it is, and goes on from there", () => {
  const { result, rerender } = start();
  draws(0);
  draws(210);
  rerender({ plays: false });
  draws(390);
  expect(result.current.frame).toBe(2);
  rerender({ plays: true });
  draws(5000);
  draws(5100);
  expect(result.current.frame).toBe(3);
});

test("half the speed takes twice the time", () => {
  const { result } = start();
  act(() => result.current.setSpeed(0.5));
  draws(0);
  draws(190);
  expect(result.current.frame).toBe(0);
  draws(210);
  expect(result.current.frame).toBe(1);
});

test("a moment can be chosen, and it goes on from there", () => {
  const { result } = start();
  draws(0);
  act(() => result.current.seek(3));
  expect(result.current.frame).toBe(3);
  draws(110);
  expect(result.current.frame).toBe(0);
  act(() => result.current.seek(99));
  expect(result.current.frame).toBe(99);
});

test("a page that was in the background does not jump ahead", () => {
  const { result } = start();
  draws(0);
  draws(60_000);
  expect(result.current.frame).toBe(2);
});
