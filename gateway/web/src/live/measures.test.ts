import { expect, test } from "vitest";

import { Latest, percentile, Rate } from "./measures";

test("a percentile is one of the numbers, by nearest rank, whatever their order", () => {
  const numbers = [40, 10, 30, 20];
  expect(percentile(numbers, 0.5)).toBe(20);
  expect(percentile(numbers, 0.95)).toBe(40);
  expect(percentile([7], 0.5)).toBe(7);
  expect(numbers).toEqual([40, 10, 30, 20]);
});

test("there is no percentile of nothing", () => {
  expect(percentile([], 0.5)).toBeNull();
});

test("a rate looks two seconds back", () => {
  const rate = new Rate();
  for (let at = 0; at < 4_000; at += 100) rate.note(at);
  expect(rate.perSecond(3_900)).toBe(10);
  expect(rate.perSecond(4_900)).toBe(5);
  expect(rate.perSecond(9_000)).toBe(0);
});

test("the latest are kept, and no more", () => {
  const latest = new Latest<number>(3);
  for (const item of [1, 2, 3, 4, 5]) latest.add(item);
  expect(latest.items).toEqual([3, 4, 5]);
  latest.reset();
  expect(latest.items).toEqual([]);
});
