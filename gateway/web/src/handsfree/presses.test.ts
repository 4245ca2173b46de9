import { expect, test } from "vitest";

import { afterEdge, RELEASED } from "./presses";

/** The times of the signals: "a+@0" is the switch a that goes down at 0 ms, "a-@40" one that comes up. */
function signals(edges: string, gapMs = 300): readonly number[] {
  let presses = RELEASED;
  return edges.split(" ").flatMap((edge) => {
    const [source = "", way, time] = edge.split(/([+-])@/);
    const atMs = Number(time);
    const [next, signal] = afterEdge(presses, { source, down: way === "+", atMs }, gapMs);
    presses = next;
    return signal ? [atMs] : [];
  });
}

test.each([
  ["a press", "a+@0", [0]],
  ["a key that repeats itself while it is held", "a+@0 a+@500 a+@533 a-@600", [0]],
  ["a hold, which counts once", "a+@0 a-@9000", [0]],
  ["two presses", "a+@0 a-@100 a+@400 a-@500", [0, 400]],
  ["a trembling press", "a+@0 a-@40 a+@90 a-@130 a+@350 a-@400", [0]],
  ["a long press that bounces when it is released", "a+@0 a-@2000 a+@2030 a-@2060", [0]],
  ["a press just before the gap is over", "a+@0 a-@100 a+@399", [0]],
  ["one switch while another is held", "a+@0 b+@1000 b-@2000 a-@3000", [0]],
  ["a second switch right after the first", "a+@0 a-@50 b+@100", [0]],
  ["a switch that comes up and was never down", "a-@0 a+@100", [100]],
] as const)("%s", (_, edges, expected) => {
  expect(signals(edges)).toEqual(expected);
});

test("without a gap each press counts", () => {
  expect(signals("a+@0 a-@10 a+@20 a-@30 a+@30", 0)).toEqual([0, 20, 30]);
});
