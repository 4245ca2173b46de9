import { expect, it } from "vitest";

import { at, baseOf, within } from "./base";

it.each([
  ["http://127.0.0.1:8000/static/assets/index-a1.js", "/"],
  ["https://a3cp.example/a3cp/static/assets/index-a1.js", "/a3cp/"],
  ["https://a3cp.example/lab/a3cp/static/assets/index-a1.js", "/lab/a3cp/"],
  ["http://localhost:5173/src/base.ts", "/"],
  ["file:///srv/a3cp/src/base.ts", "/"],
])("the files at %s are below %s", (file, base) => {
  expect(baseOf(file)).toBe(base);
});

it("a path is put below the base and found there again; one outside it stays as it is", () => {
  expect(at("/demo/session", "/a3cp/")).toBe("/a3cp/demo/session");
  expect(within("/a3cp/demo/session", "/a3cp/")).toBe("/demo/session");
  expect(within("/a3cp/", "/a3cp/")).toBe("/");
  expect(within("/elsewhere", "/a3cp/")).toBe("/elsewhere");
  expect(at("/live", "/")).toBe("/live");
  expect(within("/live", "/")).toBe("/live");
});
