import { expect, test } from "vitest";

import { body, CHEST, LAP, NO_HANDS, RAISED } from "../test/body";
import { readPose } from "./pose";

const pose = (landmarks: ReturnType<typeof body>) => landmarks.pose ?? [];

/** A body with some landmarks of the pose changed. */
function changed(landmarks: ReturnType<typeof body>, changes: Readonly<Record<number, readonly number[]>>) {
  return { ...landmarks, pose: pose(landmarks).map((point, place) => (changes[place] ?? point).slice()) };
}

test.each([
  ["hands in the lap", LAP, -0.38 / 0.3, -0.18 / 0.3],
  ["a raised hand", RAISED, 0.12 / 0.3, 0.32 / 0.3],
  ["a hand before the chest", CHEST, -0.1 / 0.3, 0.1 / 0.3],
  ["both hands up: the higher one counts", body([0.7, 0.35], [0.3, 0.44]), 0.15 / 0.3, 0.35 / 0.3],
  [
    "a hand below the hip, and above an elbow that is bent down",
    changed(LAP, { 13: [0.7, 0.95, 0, 1], 15: [0.6, 0.93, 0, 1] }),
    -0.38 / 0.3,
    -0.03 / 0.3,
  ],
] as const)("%s", (_, landmarks, raise, lift) => {
  const reading = readPose(landmarks, 1, 5);
  expect(reading?.atMs).toBe(5);
  expect(reading?.raise).toBeCloseTo(raise, 6);
  expect(reading?.lift).toBeCloseTo(lift, 6);
});

test("lengths do not depend on the distance or on the shape of the picture", () => {
  const wide = changed(RAISED, Object.fromEntries(pose(RAISED).map(([x = 0, ...rest], at) => [at, [x / 2, ...rest]])));
  expect(readPose(wide, 2, 0)?.raise).toBeCloseTo(readPose(RAISED, 1, 0)?.raise ?? NaN, 6);
  const far = changed(
    RAISED,
    Object.fromEntries(pose(RAISED).map(([x = 0, y = 0, ...rest], at) => [at, [x / 3, y / 3, ...rest]])),
  );
  expect(readPose(far, 1, 0)?.raise).toBeCloseTo(readPose(RAISED, 1, 0)?.raise ?? NaN, 6);
});

test("the wrists are in shoulder widths, left and right", () => {
  expect(readPose(body([0.6, 0.9], null), 1, 0)?.wrists).toEqual([
    { x: expect.closeTo(2, 6), y: expect.closeTo(3, 6) },
    null,
  ]);
});

test("without hands in the picture there is no height", () => {
  expect(readPose(NO_HANDS, 1, 0)).toEqual({ atMs: 0, raise: null, lift: null, wrists: [null, null] });
});

test("a hand that was found has a wrist, if the pose has none", () => {
  const found = { ...NO_HANDS, right_hand: [[0.3, 0.38, 0]] };
  expect(readPose(found, 1, 0)?.raise).toBeCloseTo(0.4, 6);
});

test.each([
  ["no pose", {}],
  ["a pose without landmarks", { pose: [] }],
  ["one shoulder that is a guess", changed(RAISED, { 11: [0.65, 0.5, 0, 0.3] })],
  ["one shoulder outside the picture", changed(RAISED, { 12: [-0.1, 0.5, 0, 0.9] })],
  ["a person from the side", changed(RAISED, { 12: [0.64, 0.5, 0, 0.9] })],
])("there is no measure: %s", (_, landmarks) => {
  expect(readPose(landmarks, 1, 0)).toBeNull();
});

test.each([
  ["is a guess", [0.3, 0.38, 0, 0.49]],
  ["is above the picture", [0.3, -0.01, 0, 0.9]],
  ["is beside the picture", [1.01, 0.38, 0, 0.9]],
] as const)("a wrist is not there if it %s", (_, wrist) => {
  expect(readPose(changed(RAISED, { 16: wrist }), 1, 0)?.raise).toBeLessThan(0);
});

test("an arm without elbow and hip is not known to be down", () => {
  const hidden = [0.5, 0.5, 0, 0] as const;
  expect(readPose(changed(LAP, { 13: hidden, 23: hidden }), 1, 0)?.lift).toBe(Infinity);
});
