import { expect, test } from "vitest";

import type { PoseReading } from "./pose";
import { afterRest, beforeRest, movement, restShare } from "./rest";

const SENSITIVITY = { restHeight: 0.1, restMovement: 0.25, restMs: 1000 };
const FRAME_MS = 100;

type Arms = "lap" | "out" | "chest" | "unknown" | "away" | "low1" | "low2" | "still";

const READINGS: Readonly<Record<Exclude<Arms, "away">, Omit<PoseReading, "atMs">>> = {
  lap: { raise: -1.2, lift: -0.6, wrists: [{ x: 1, y: 2 }, null] },
  out: { raise: null, lift: null, wrists: [null, null] },
  chest: { raise: -0.3, lift: 0.4, wrists: [{ x: 1, y: 1 }, null] },
  unknown: { raise: -1.2, lift: Infinity, wrists: [{ x: 1, y: 2 }, null] },
  low1: { raise: -1.2, lift: -0.6, wrists: [{ x: 1, y: 2 }, null] },
  low2: { raise: -1.2, lift: -0.6, wrists: [{ x: 1.3, y: 2 }, null] },
  still: { raise: -1.2, lift: -0.6, wrists: [{ x: 1.1, y: 2.1 }, null] },
};

/** Hands that move in the lap for 800 ms. */
const TREMBLE = "low2×1 low1×1 ".repeat(4);

/** The numbers of the frames with a signal, from 0, of ten frames a second: "lap×5" are five with the hands in the lap. */
function signals(plan: string, raised = false): readonly number[] {
  let rest = beforeRest(raised);
  const frames = plan.split(" ").flatMap((part) => {
    const [arms, count] = part.split("×");
    return Array.from({ length: Number(count) }, () => arms as Arms);
  });
  return frames.flatMap((arms, number) => {
    const atMs = number * FRAME_MS;
    const [next, signal] = afterRest(rest, arms === "away" ? null : at(atMs, arms), atMs, SENSITIVITY);
    rest = next;
    return signal ? [number] : [];
  });
}

function at(atMs: number, arms: Exclude<Arms, "away">): PoseReading {
  return { atMs, ...READINGS[arms] };
}

// after a movement, the way of the wrist is in the window for 400 ms more
test.each([
  ["a person who has not moved is not back at rest", "lap×60", []],
  ["a gesture and then rest", "lap×5 chest×10 lap×30", [29]],
  ["a gesture and then hands out of the picture", "lap×5 chest×10 out×30", [25]],
  ["rest counts once", "chest×10 lap×60", [24]],
  ["two gestures, each with its rest", "chest×10 lap×20 chest×10 lap×20", [24, 54]],
  ["a pause within a gesture that is shorter than the rest", "chest×10 out×9 chest×10 out×11", [39]],
  ["one wrong frame is no gesture", "lap×10 chest×1 lap×40", []],
  ["hands that move in the lap are a gesture", `lap×5 ${TREMBLE}low1×30`, [26]],
  ["hands that tremble a little are none", "lap×5 still×1 lap×1 still×1 lap×40", []],
  ["an arm whose elbow is hidden is not at rest", "chest×10 unknown×40", []],
  ["a person who goes away is not at rest", "chest×10 away×60", []],
  ["a person who comes back must rest for the whole time", "chest×10 out×5 away×10 out×11", [35]],
] as const)("%s", (_, plan, expected) => {
  expect(signals(plan)).toEqual(expected);
});

test("a hand that was raised for the start comes down first, which is no gesture", () => {
  expect(signals("chest×10 lap×30", true)).toEqual([]);
  expect(signals("chest×10 lap×20 chest×10 lap×20", true)).toEqual([54]);
});

test("after a gap in the frames a gesture and a rest begin again", () => {
  const [before] = afterRest(beforeRest(false), at(0, "chest"), 0, SENSITIVITY);
  const [rest] = afterRest(before, at(5000, "chest"), 5000, SENSITIVITY);
  expect(rest.moved).toBe(false);
});

test("the movement is that of the wrist that moved most", () => {
  const frames = [at(0, "low1"), at(100, "low2")];
  expect(movement(frames)).toBeCloseTo(0.3, 6);
  expect(movement([])).toBe(0);
});

test("the share of the time", () => {
  const rest = { ...beforeRest(false), moved: true, restSinceMs: 100 };
  expect([100, 600, 1100, 2000].map((atMs) => restShare(rest, atMs, 1000))).toEqual([0, 0.5, 1, 1]);
  expect(restShare({ ...rest, moved: false }, 600, 1000)).toBe(0);
  expect(restShare({ ...rest, restSinceMs: null }, 600, 1000)).toBe(0);
});
