import { expect, test } from "vitest";

import { padEdges, pressedButtons } from "./gamepad";

const pad = (index: number, ...buttons: readonly boolean[]) => ({
  index,
  buttons: buttons.map((pressed) => ({ pressed })),
});

test.each([
  ["none", [], []],
  ["one that is gone", [null], []],
  ["one that rests", [pad(0, false, false)], []],
  ["two", [pad(0, false, true), null, pad(2, true, true)], ["pad 0 1", "pad 2 0", "pad 2 1"]],
] as const)("the pressed buttons of gamepads: %s", (_, pads, expected) => {
  expect(pressedButtons(pads)).toEqual(expected);
});

test("what has changed is an edge, what has not is none", () => {
  expect(padEdges(["a", "b"], ["b", "c"], 7)).toEqual([
    { source: "a", down: false, atMs: 7 },
    { source: "c", down: true, atMs: 7 },
  ]);
});
