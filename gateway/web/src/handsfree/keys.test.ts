import { expect, test } from "vitest";

import { isSwitchKey } from "./keys";

const press = (key: string, more: Partial<KeyboardEvent> = {}) => ({
  key,
  altKey: false,
  ctrlKey: false,
  metaKey: false,
  repeat: false,
  isComposing: false,
  target: document.body as EventTarget,
  ...more,
});

test.each([
  ["a letter", press("a"), true],
  ["the space bar", press(" "), true],
  ["Enter", press("Enter"), true],
  ["Tab", press("Tab"), true],
  ["a volume key, as a Bluetooth trigger sends", press("AudioVolumeUp"), true],
  ["Shift alone", press("Shift"), true],
  ["Control alone", press("Control", { ctrlKey: true }), true],
  ["Alt alone", press("Alt", { altKey: true }), true],
  ["Meta alone", press("Meta", { metaKey: true }), true],
  ["a key that has no place", press("a", { target: null }), true],
  ["the way out", press("Escape"), false],
  ["a shortcut with Control", press("r", { ctrlKey: true }), false],
  ["a shortcut with Alt", press("ArrowLeft", { altKey: true }), false],
  ["a shortcut with Meta", press("r", { metaKey: true }), false],
  ["a key that repeats itself", press("a", { repeat: true }), false],
  ["a part of a character", press("a", { isComposing: true }), false],
])("%s", (_, event, expected) => {
  expect(isSwitchKey(event)).toBe(expected);
});

test.each([
  ["<input>", false],
  ["<input type=search>", false],
  ["<textarea></textarea>", false],
  ["<div contenteditable><b data-focus>a</b></div>", false],
  ["<input readonly>", true],
  ["<input type=range>", true],
  ["<input type=checkbox>", true],
  ["<select><option>a</option></select>", true],
  ["<button>Keep</button>", true],
])("with the focus on %s a key is the switch: %s", (html, expected) => {
  document.body.innerHTML = html;
  const target = document.body.querySelector("[data-focus]") ?? document.body.firstElementChild;
  expect(isSwitchKey(press("k", { target }))).toBe(expected);
});
