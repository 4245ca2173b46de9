import { expect, test } from "vitest";

import type { LibraryCapture } from "./api";
import { neighboursOf, needsMore } from "./walk";

const listed = (capture_id: string, second: number) =>
  ({ capture_id, recorded_at: `2026-11-28T10:00:0${second}.000Z` }) as LibraryCapture;

const [NEW, TWIN, MIDDLE, OLD] = [listed("n", 9), listed("m", 9), listed("x", 5), listed("o", 1)];
const LIST = [NEW, TWIN, MIDDLE, OLD];

const ids = (capture: LibraryCapture, list = LIST) => {
  const { place, previous, next } = neighboursOf(list, capture);
  return [previous?.capture_id, place, next?.capture_id];
};

test("a capture in the list has a place and neighbours", () => {
  expect(ids(NEW)).toEqual([undefined, 1, "m"]);
  expect(ids(MIDDLE)).toEqual(["m", 3, "o"]);
  expect(ids(OLD)).toEqual(["x", 4, undefined]);
});

const without = (capture: LibraryCapture) => LIST.filter((each) => each !== capture);

test("one that the list does not have any more is between those of its time", () => {
  expect(ids(NEW, without(NEW))).toEqual([undefined, null, "m"]);
  expect(ids(TWIN, without(TWIN))).toEqual(["n", null, "x"]);
  expect(ids(OLD, without(OLD))).toEqual(["x", null, undefined]);
  expect(ids(NEW, [])).toEqual([undefined, null, undefined]);
});

test("more of the list is needed until the next one is known", () => {
  expect(needsMore(LIST, true, OLD)).toBe(true);
  expect(needsMore(LIST, false, OLD)).toBe(false);
  expect(needsMore(LIST, true, MIDDLE)).toBe(false);
});
