import { expect, test } from "vitest";

import { meanings } from "./meaning";

test.each([
  ["press", ["start", "later", "rest", "finish"], ["start"]],
  ["raise", ["start", "later", "rest", "finish"], ["start"]],
  ["rest", ["start", "later", "rest", "finish"], []],
  ["press", ["stop", "cancel"], ["stop"]],
  ["raise", ["stop", "cancel"], []],
  ["rest", ["stop", "cancel"], ["stop"]],
  ["press", ["cancel"], []],
  ["press", ["next", "again"], ["next", "again"]],
  ["raise", ["again", "keep"], ["again", "keep"]],
  ["rest", ["next", "again"], []],
  ["press", ["goOn", "finish"], ["goOn"]],
  ["press", [], []],
] as const)("%s, with %j, may mean %j", (signal, commands, expected) => {
  expect(meanings(signal, commands, "choose")).toEqual(expected);
});

test.each([
  [["next", "again"], ["next"]],
  [["again", "keep"], ["keep"]],
  [["start"], ["start"]],
] as const)("if a signal keeps a take, %j becomes %j", (commands, expected) => {
  expect(meanings("raise", commands, "keep")).toEqual(expected);
});
