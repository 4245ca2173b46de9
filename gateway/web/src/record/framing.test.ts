import { LAP, NO_HANDS } from "../test/body";
import { afterFrame, CONDITIONS, HOLD_MS, isFulfilled, LEAST_LIGHT, lightOf } from "./framing";

const hand = (x: number) => Array.from({ length: 21 }, () => [x, 0.5, 0]);
const WHOLE = { ...LAP, face: [[0.5, 0.2, 0]], left_hand: hand(0.9), right_hand: hand(0.1) };
const GUESSED = LAP.pose?.map(([x = 0, y = 0, z = 0]) => [x, y, z, 0.1]) ?? [];

const missing = (landmarks: Parameters<typeof afterFrame>[1], light: number | null = 120) =>
  CONDITIONS.filter((condition) => !isFulfilled(afterFrame({}, landmarks, light, 1000), condition, 1000));

test.each([
  ["all is well", WHOLE, 120, []],
  ["nothing is there", {}, 120, ["face", "shoulders", "leftHand", "rightHand"]],
  ["no hands", NO_HANDS, 120, ["face", "leftHand", "rightHand"]],
  ["a hand that is cut off at the side", { ...WHOLE, left_hand: hand(1.01) }, 120, ["leftHand"]],
  ["one below the picture", { ...WHOLE, right_hand: [[0.5, 1.2, 0]] }, 120, ["rightHand"]],
  ["a landmark without a place", { ...WHOLE, face: [[]] }, 120, ["face"]],
  ["shoulders that are only guessed", { ...WHOLE, pose: GUESSED }, 120, ["shoulders"]],
  [
    "shoulders without a visibility",
    { ...WHOLE, pose: WHOLE.pose?.map(([x = 0, y = 0]) => [x, y]) ?? [] },
    120,
    ["shoulders"],
  ],
  ["darkness", WHOLE, LEAST_LIGHT - 1, ["light"]],
  ["a browser that gives no pixels", WHOLE, null, []],
])("%s", (_, landmarks, light, lacks) => {
  expect(missing(landmarks, light)).toEqual(lacks);
});

test("one frame without a hand changes nothing; a second without it does", () => {
  const seen = afterFrame(afterFrame({}, WHOLE, 120, 0), NO_HANDS, 120, 100);
  expect(isFulfilled(seen, "leftHand", HOLD_MS)).toBe(true);
  expect(isFulfilled(seen, "leftHand", HOLD_MS + 1)).toBe(false);
  expect(isFulfilled(seen, "shoulders", HOLD_MS + 1)).toBe(true);
});

test("light is the mean of the colours, without the opacity", () => {
  expect(lightOf(new Uint8ClampedArray([0, 60, 120, 255, 60, 60, 60, 255]))).toBe(60);
  expect(lightOf(null)).toBeNull();
});
