import { expect, test } from "vitest";

import { highlighted, SILENT, spoken, startScan, stay, walk } from "./scan";

const PACE_MS = 1000;
const ABC = ["a", "b", "c"];

test("each control is highlighted for the pace, and the first comes after the last", () => {
  let scan = startScan(ABC, 0);
  const seen = [0, 999, 1000, 1999, 2000, 3000].map((atMs) => {
    scan = walk(scan, ABC, atMs, PACE_MS);
    return highlighted(scan);
  });
  expect(seen).toEqual(["a", "a", "b", "b", "c", "a"]);
});

test.each([
  ["a control before it comes", ["x", "a", "b", "c"], "b"],
  ["a control before it goes", ["b", "c"], "b"],
  ["it goes itself", ["a", "c"], "a"],
  ["another page comes", ["x", "y"], "x"],
  ["all go", [], null],
])("if %s, the highlight is at the right place", (_, items, expected) => {
  const scan = walk(startScan(ABC, 0), ABC, 1000, PACE_MS);
  expect(highlighted(walk(scan, items, 1100, PACE_MS))).toBe(expected);
});

test("a walk that begins again gives its first control the whole pace", () => {
  const scan = walk(startScan(ABC, 0), ["x", "y"], 900, PACE_MS);
  expect(highlighted(walk(scan, ["x", "y"], 1800, PACE_MS))).toBe("x");
  expect(highlighted(walk(scan, ["x", "y"], 1900, PACE_MS))).toBe("y");
});

test("a control that was pressed stays for a whole pace", () => {
  const scan = stay(startScan(ABC, 0), 900);
  expect(highlighted(walk(scan, ABC, 1899, PACE_MS))).toBe("a");
  expect(highlighted(walk(scan, ABC, 1900, PACE_MS))).toBe("b");
});

test("the walk waits while a hand is being raised", () => {
  const scan = walk(startScan(ABC, 0), ABC, 5000, PACE_MS, true);
  expect(highlighted(scan)).toBe("a");
});

test("one control is not walked away from", () => {
  expect(walk(startScan(["a"], 0), ["a"], 5000, PACE_MS).sinceMs).toBe(0);
});

test("a walk without controls begins when some come", () => {
  expect(highlighted(walk(startScan<string>([], 0), ABC, 100, PACE_MS))).toBe("a");
});

test("a screen reader is told at most one control each second, and none twice in a row", () => {
  let last = SILENT;
  const told = (
    [
      ["a", 0],
      ["a", 1500],
      ["b", 1600],
      ["c", 2100],
      ["d", 2600],
    ] as const
  ).map(([name, atMs]) => (last = spoken(last, name, atMs)).name);
  expect(told).toEqual(["a", "a", "b", "b", "d"]);
});
