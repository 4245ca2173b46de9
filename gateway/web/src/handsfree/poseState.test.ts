import { expect, test } from "vitest";

import { CHEST, LAP, RAISED } from "../test/body";
import { readPose } from "./pose";
import { afterMoment, beginPose } from "./poseState";
import { DEFAULT_SETTINGS } from "./settings";

const FRAME_MS = 100;
const ARMS = { lap: LAP, raised: RAISED, chest: CHEST, away: {} };

/** The signals of ten frames a second, each with its number; "|" begins a take, that may be stopped from frame `from`. */
function signals(plan: string, from = 0): readonly string[] {
  let state = beginPose();
  let recording = false;
  const frames = plan.split(" ").flatMap((part) => {
    const [arms = "", count] = part.split("×");
    return Array.from({ length: Number(count ?? 1) }, () => arms);
  });
  let number = 0;
  return frames.flatMap((arms) => {
    if (arms === "|") {
      recording = true;
      return [];
    }
    const atMs = number * FRAME_MS;
    const reading = readPose(ARMS[arms as keyof typeof ARMS], 1, atMs);
    const moment = { reading, atMs, recording, stoppable: number >= from };
    const [next, signal] = afterMoment(state, moment, DEFAULT_SETTINGS);
    state = next;
    number += 1;
    return signal ? [`${signal} ${number - 1}`] : [];
  });
}

test.each([
  ["a raised hand", "lap×5 raised×10", ["raise 10"]],
  ["a raised hand during a take is a part of its gesture", "lap×5 | raised×10 lap×30", ["rest 29"]],
  ["a rest before a take", "lap×5 chest×10 lap×30", []],
  ["a raised hand, a gesture, a rest", "raised×7 lap×10 | lap×3 chest×10 lap×20", ["raise 5", "rest 44"]],
  ["a hand that is still up when the take begins comes down first", "raised×20 | raised×10 lap×30", ["raise 5"]],
  ["a person who is not there", "away×20 | away×30", []],
] as const)("%s: %s", (_, plan, expected) => {
  expect(signals(plan)).toEqual(expected);
});

test("a rest before the take may be stopped counts as soon as it may be, if it lasts", () => {
  expect(signals("| chest×10 lap×40", 40)).toEqual(["rest 40"]);
  expect(signals("| chest×10 lap×20 chest×20 lap×30", 40)).toEqual(["rest 64"]);
});
