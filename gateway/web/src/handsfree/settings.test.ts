import { expect, test } from "vitest";

import { DEFAULT_SETTINGS, fitting, NUMBER_NAMES, NUMBERS, readSettings, WAYS, writeSettings } from "./settings";

test("every default is within its bounds, on a step", () => {
  for (const name of NUMBER_NAMES) expect(fitting(name, NUMBERS[name].default)).toBe(NUMBERS[name].default);
});

test("an address without settings has the defaults, and they are not written into it", () => {
  expect(readSettings("")).toEqual(DEFAULT_SETTINGS);
  expect(writeSettings("", DEFAULT_SETTINGS)).toBe("");
});

test.each(WAYS)("what is written is read again: %s", (way) => {
  const settings = { ...DEFAULT_SETTINGS, way, afterTake: "keep", paceMs: 2000, raiseHeight: -0.3 } as const;
  expect(readSettings(writeSettings("?study=daily", settings))).toEqual(settings);
});

test("the rest of the address stays, and a setting that is the default again goes", () => {
  const query = writeSettings("?study=daily", { ...DEFAULT_SETTINGS, way: "scan", gapMs: 50 });
  expect(query).toBe("?study=daily&way=scan&gapMs=50");
  expect(writeSettings(query, DEFAULT_SETTINGS)).toBe("?study=daily");
});

test.each([
  ["way=telepathy", "way", "buttons"],
  ["afterTake=burn", "afterTake", "choose"],
  ["paceMs=", "paceMs", 1500],
  ["paceMs=soon", "paceMs", 1500],
  ["paceMs=NaN", "paceMs", 1500],
  ["paceMs=Infinity", "paceMs", 1500],
  ["paceMs=1", "paceMs", 500],
  ["paceMs=99999", "paceMs", 6000],
  ["paceMs=1610", "paceMs", 1500],
  ["raiseHeight=0.31", "raiseHeight", 0.3],
] as const)("%s in the address: %s is %s", (query, name, value) => {
  expect(readSettings(`?${query}`)[name]).toBe(value);
});
