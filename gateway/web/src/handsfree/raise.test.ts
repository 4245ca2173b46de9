import { expect, test } from "vitest";

import { afterRaise, isRising, LOWERED, raiseShare } from "./raise";

const SENSITIVITY = { raiseHeight: 0.2, raiseMs: 500 };

/** The times of the signals: "0.3@250" is a frame at 250 ms with a wrist 0.3 above; "null" one without a wrist, "away" without a body. */
function signals(frames: string): readonly number[] {
  let raise = LOWERED;
  return frames.split(" ").flatMap((frame) => {
    const [height, time] = frame.split("@");
    const atMs = Number(time);
    const seen = { atMs, raise: height === "null" ? null : Number(height), lift: 0, wrists: [] };
    const [next, signal] = afterRaise(raise, height === "away" ? null : seen, atMs, SENSITIVITY);
    raise = next;
    return signal ? [atMs] : [];
  });
}

test.each([
  ["a hand that is raised long enough", "0.3@0 0.3@250 0.3@499 0.3@500", [500]],
  ["a hand at the height itself", "0.2@0 0.2@250 0.2@500", [500]],
  ["a hand that stays raised counts once", "0.3@0 0.3@250 0.3@500 0.3@750 0.3@1000 0.3@1300", [500]],
  ["a hand that passes by", "0.3@0 0.3@250 -0.5@400 0.3@500 0.3@750", []],
  ["a hand that comes down and up again", "0.3@0 0.3@250 0.3@500 0@600 0.3@700 0.3@950 0.3@1200", [500, 1200]],
  [
    "a raised hand that trembles around the height is one",
    "0.3@0 0.3@250 0.3@500 0.1@600 0.25@700 0.25@950 0.25@1200",
    [500],
  ],
  ["a hand that trembles before it counts begins again", "0.25@0 0.15@300 0.25@400 0.25@650 0.25@899 0.25@900", [900]],
  ["some frames without the arm do not interrupt it", "0.3@0 0.3@200 null@300 away@400 0.3@500", [500]],
  ["many do", "0.3@0 null@200 null@1001 0.3@1100 0.3@1350 0.3@1600", [1600]],
  ["no frames for seconds are no raised hand", "0.3@0 0.3@5000 0.3@5250 0.3@5500", [5500]],
  ["a frame without the arm never counts itself", "0.3@0 0.3@300 null@500 null@600 null@700", []],
  ["a person who is not there", "away@0 away@500 away@5000", []],
  [
    "a hand that leaves the picture has not come down",
    "0.3@0 0.3@250 0.3@500 null@600 null@3000 0.3@3100 0.3@3350 0.3@3600",
    [500],
  ],
] as const)("%s", (_, frames, expected) => {
  expect(signals(frames)).toEqual(expected);
});

test("the share of the time", () => {
  const [raise] = afterRaise(LOWERED, { atMs: 0, raise: 1, lift: 0, wrists: [] }, 0, SENSITIVITY);
  expect([0, 250, 500, 900].map((atMs) => raiseShare(raise, atMs, 500))).toEqual([0, 0.5, 1, 1]);
  expect(raiseShare({ ...raise, raised: true }, 900, 500)).toBe(0);
  expect(raiseShare(LOWERED, 900, 500)).toBe(0);
});

test("a hand is rising from the height on until it counts", () => {
  expect(isRising(LOWERED)).toBe(false);
  expect(isRising({ ...LOWERED, sinceMs: 1 })).toBe(true);
  expect(isRising({ ...LOWERED, sinceMs: 1, raised: true })).toBe(false);
});
