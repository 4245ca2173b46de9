import { expect, test } from "vitest";

import { DEFAULT_LIMITS as CAPTURE_LIMITS } from "./limits";
import { adapt, FULL_PACE, nextQuality, type Pace } from "./pace";

const bytesAt = (q: number) => Math.round(30_000 + 120_000 * q ** 2); // 117 kB at 0.85

function after(pace: Pace, slowDown: boolean, fromMs: number, toMs: number): Pace {
  let now = pace;
  for (let ms = fromMs; ms < toMs; ms += 50) now = adapt(now, slowDown, ms, CAPTURE_LIMITS);
  return now;
}

test("full pace stays until the server asks for less", () => {
  expect(after(FULL_PACE, false, 0, 60_000)).toBe(FULL_PACE);
});

test("slower at once, then step by step, down to a frame a second", () => {
  expect(adapt(FULL_PACE, true, 0, CAPTURE_LIMITS).ticksPerFrame).toBe(2);
  expect(after(FULL_PACE, true, 0, 1000).ticksPerFrame).toBe(3);
  expect(after(FULL_PACE, true, 0, 60_000).ticksPerFrame).toBe(15);
});

test("back to the full pace, more slowly", () => {
  const slow = after(FULL_PACE, true, 0, 2000);
  const sooner = after(slow, false, 2000, 4000);
  expect(sooner.ticksPerFrame).toBe(slow.ticksPerFrame - 1);
  expect(after(slow, false, 2000, 20_000).ticksPerFrame).toBe(1);
});

test("pictures of a noisy camera become small enough for the longest capture", () => {
  let quality = 0.85;
  let total = 0;
  for (let frame = 0; frame < CAPTURE_LIMITS.max_frames; frame += 1) {
    total += bytesAt(quality);
    quality = nextQuality(quality, bytesAt(quality), CAPTURE_LIMITS);
  }
  expect(total).toBeLessThan(CAPTURE_LIMITS.max_total_bytes);
});

test("quality comes back, up to its best, when pictures are small", () => {
  let quality = 0.5;
  for (let frame = 0; frame < 100; frame += 1) quality = nextQuality(quality, 20_000, CAPTURE_LIMITS);
  expect(quality).toBe(0.85);
});

test("a server that gives up sooner is shown pictures more often", () => {
  const limits = { ...CAPTURE_LIMITS, max_fps: 10, idle_timeout_s: 1.5 };
  let pace = FULL_PACE;
  for (let ms = 0; ms < 60_000; ms += 50) pace = adapt(pace, true, ms, limits);
  expect(pace.ticksPerFrame).toBe(5);
});
