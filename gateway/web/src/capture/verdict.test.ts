import { expect, test } from "vitest";

import { DEFAULT_LIMITS } from "./limits";
import type { CaptureState } from "./protocol";
import { doubts, facts, summary, unseen } from "./verdict";

const GOOD = {
  found: { pose: 100, face: 100, left_hand: 10, right_hand: 80 },
  extracted: 100,
  sent: 100,
  elapsedMs: 6_900,
  blackMs: 0,
  stillMs: 0,
  cut: null,
  limits: DEFAULT_LIMITS,
} as unknown as CaptureState;

const found = (pose: number, face: number, left_hand: number, right_hand: number) => ({
  pose,
  face,
  left_hand,
  right_hand,
});

test("nothing speaks against a good capture", () => {
  expect(doubts(GOOD)).toEqual([]);
  expect(summary("more", GOOD)).toBe("more, 7 s, hands 80 %, 14 pictures a second");
});

test.each<[string, Partial<CaptureState>]>([
  ["no hand was found", { found: found(100, 100, 0, 0) }],
  ["nothing was found, no body, no face, no hand", { found: found(0, 0, 0, 0) }],
  ["a hand was found in 5 % of the pictures only", { found: found(100, 100, 5, 3) }],
  ["a hand was found in 1 % of the pictures only", { found: found(100, 100, 0, 0.2) }],
  ["only 1 picture a second", { sent: 7 }],
  ["only less than 1 picture a second", { sent: 2 }],
  ["only 7 pictures a second", { sent: 50 }],
  ["the picture was black for 3 s", { blackMs: 3_100 }],
  ["the picture did not move for a second", { stillMs: 1_200 }],
  ["the camera stopped delivering pictures, so it ends there", { cut: { code: "camera_muted", sentence: "…" } }],
])("%s", (doubt, change) => {
  expect(doubts({ ...GOOD, ...change })).toEqual([doubt]);
});

test("a server that takes few pictures a second gets few", () => {
  expect(doubts({ ...GOOD, sent: 50, limits: { ...DEFAULT_LIMITS, max_fps: 8 } })).toEqual([]);
});

test("what was not looked at yet is not missing", () => {
  expect(unseen(found(0, 0, 0, 0), 0)).toBeNull();
  expect(facts("", { ...GOOD, extracted: 0 })).toBe("no label, 7 s, 14 pictures a second");
});
