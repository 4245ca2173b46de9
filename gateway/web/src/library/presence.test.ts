import { expect, test } from "vitest";

import { motionOf } from "../test/fakeLibrary";
import {
  damagedFrames,
  endMs,
  frameBegunAt,
  isEmpty,
  percentOf,
  presenceInWords,
  presenceOf,
  type Presence,
  type Span,
} from "./presence";

test.each([
  [-1, 0],
  [0, 0],
  [99, 0],
  [100, 1],
  [250, 2],
  [10_000, 3],
])("at %d ms the frame that has begun last is shown", (timeMs, frame) => {
  expect(frameBegunAt([0, 100, 200, 300], timeMs)).toBe(frame);
});

test("without frames there is nothing to show, and no fault", () => {
  expect(frameBegunAt([], 100)).toBe(0);
  expect(endMs({ time_ms: [] })).toBe(1);
  for (const part of presenceOf(motionOf([]))) expect(part).toMatchObject({ spans: [], share: 0 });
});

test("the last frame lasts as long as the others on the average", () => {
  expect(endMs({ time_ms: [0, 50, 200] })).toBe(300);
  expect(endMs({ time_ms: [40] })).toBe(41);
});

test("frames with the same presence are one span, and every part has its own", () => {
  const motion = motionOf(["face left_hand", "face left_hand", "face", "damaged", "face left_hand"]);
  const [face, , left, right] = presenceOf(motion);
  expect(left).toEqual({
    part: "left_hand",
    share: 0.6,
    spans: [
      { presence: "found", fromMs: 0, toMs: 200 },
      { presence: "missing", fromMs: 200, toMs: 300 },
      { presence: "damaged", fromMs: 300, toMs: 400 },
      { presence: "found", fromMs: 400, toMs: 500 },
    ],
  });
  expect(face?.spans.map(({ presence }) => presence)).toEqual(["found", "damaged", "found"]);
  expect(right?.share).toBe(0);
  expect(damagedFrames(motion)).toBe(1);
});

test("a frame in which nothing was found is empty", () => {
  const motion = motionOf(["", "pose"]);
  expect([isEmpty(motion, 0), isEmpty(motion, 1)]).toEqual([true, false]);
});

/** Spans of a tenth of a second each. */
function spans(...presences: Presence[]): Span[] {
  return presences.map((presence, at) => ({ presence, fromMs: 100 * at, toMs: 100 * (at + 1) }));
}

test.each<[string, Span[], number]>([
  ["all the time", spans("found"), 1],
  ["never seen", spans("missing", "damaged"), 0],
  ["67 %, not seen from 0.1 to 0.2 s", spans("found", "missing", "found"), 2 / 3],
  ["40 %, not seen from 0.0 to 0.1 s and from 0.2 to 0.3 s", spans("missing", "found", "damaged"), 0.4],
])("%s", (words, said, share) => {
  expect(presenceInWords({ part: "face", spans: said, share })).toBe(words);
});

function wordsWithGaps(gaps: number): string {
  const presences = Array.from({ length: gaps }, () => ["missing", "found"] as const).flat();
  return presenceInWords({ part: "face", spans: spans(...presences), share: 0.5 });
}

test("of many gaps, the first ones are named and the others counted", () => {
  expect(wordsWithGaps(6)).toMatch(/ from 0\.8 to 0\.9 s and 1 more time$/);
  expect(wordsWithGaps(8)).toMatch(/ from 0\.8 to 0\.9 s and 3 more times$/);
});

test("a share is 0 or 100 % only if it is that exactly", () => {
  expect([0, 0.001, 0.5, 0.999, 1].map(percentOf)).toEqual(["0 %", "under 1 %", "50 %", "over 99 %", "100 %"]);
});
