import { expect, test } from "vitest";

import { dwellShare, NOWHERE, rested, type Dwell } from "./dwell";

const DWELL_MS = 1000;
/** Controls of 10 × 10 pixels, side by side; "b2" takes the place of "b". */
const PLACES: Readonly<Record<string, number>> = { a: 0, b: 20, b2: 20 };

function under(target: string) {
  return { target, rect: { left: PLACES[target] ?? 0, top: 0, width: 10, height: 10 } };
}

/** What is pressed, and when: "a@500" is a look at 500 ms that has the pointer in the middle of a, "null" beside all. */
function presses(looks: string): readonly string[] {
  let dwell: Dwell<string> = NOWHERE;
  return looks.split(" ").flatMap((look) => {
    const [target = "", time] = look.split("@");
    const beside = target === "null";
    const pointer = { x: beside ? 500 : (PLACES[target] ?? 0) + 5, y: 5 };
    const [next, press] = rested(dwell, pointer, beside ? null : under(target), Number(time), DWELL_MS);
    dwell = next;
    return press === null ? [] : [`${press} ${time}`];
  });
}

test.each([
  ["nothing", "null@0 null@5000", []],
  ["a pointer that rests", "a@0 a@999 a@1000", ["a 1000"]],
  ["one that stays: it must leave before it presses again", "a@0 a@1000 a@2000 a@9000", ["a 1000"]],
  ["one that leaves and comes back", "a@0 a@1000 null@1100 a@1200 a@2200", ["a 1000", "a 2200"]],
  ["one that passes over to another", "a@0 b@900 b@1000 b@1201 b@2200 b@2201", ["b 2201"]],
  ["a slip beside the control", "a@0 null@500 null@700 a@750 a@1000", ["a 1000"]],
  ["a slip onto another", "a@0 b@500 a@600 a@1000", ["a 1000"]],
  ["two slips, neither too long", "a@0 null@300 a@450 null@600 a@750 a@1000", ["a 1000"]],
  ["a leave", "a@0 null@500 null@701 a@900 a@1000 a@1900", ["a 1900"]],
  ["another control that comes to the place of the press", "b@0 b@1000 b2@1001 b2@9000", ["b 1000"]],
] as const)("%s", (_, looks, expected) => {
  expect(presses(looks)).toEqual(expected);
});

test("the ring fills as the time passes", () => {
  const [dwell] = rested<string>(NOWHERE, { x: 5, y: 5 }, under("a"), 100, DWELL_MS);
  expect([100, 600, 1100, 1200].map((atMs) => dwellShare(dwell, atMs, DWELL_MS))).toEqual([0, 0.5, 1, 1]);
  expect(dwellShare(NOWHERE, 100, DWELL_MS)).toBe(0);
});
