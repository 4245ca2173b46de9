import { expect, test } from "vitest";

import { actionOf, REVIEW_KEYS } from "./reviewKeys";

const press = (key: string, more: Partial<KeyboardEvent> = {}) => ({
  key,
  altKey: false,
  ctrlKey: false,
  metaKey: false,
  repeat: false,
  isComposing: false,
  defaultPrevented: false,
  target: document.body as EventTarget,
  ...more,
});

/** An element of the page that has the focus. */
function element(html: string): Element {
  document.body.innerHTML = html;
  return document.body.querySelector("[data-focus]") ?? (document.body.firstElementChild as Element);
}

test("each key has one action, and capitals are the same keys", () => {
  expect(new Set(REVIEW_KEYS.map(({ key }) => key)).size).toBe(REVIEW_KEYS.length);
  for (const { key, action } of REVIEW_KEYS) {
    expect(actionOf(press(key), false)).toBe(action);
    expect(actionOf(press(key.toUpperCase()), false)).toBe(action);
  }
  expect(actionOf(press("q"), false)).toBeNull();
  expect(actionOf(press("Enter"), false)).toBeNull();
});

test.each([["altKey"], ["ctrlKey"], ["metaKey"], ["repeat"], ["isComposing"], ["defaultPrevented"]] as const)(
  "a key with %s is not ours",
  (name) => {
    expect(actionOf(press("k", { [name]: true }), false)).toBeNull();
  },
);

test("a key is not ours while a dialog is open", () => {
  expect(actionOf(press("k"), true)).toBeNull();
});

test.each([
  ["<input>", null],
  ["<input type=search>", null],
  ["<textarea></textarea>", null],
  ["<select><option>a</option></select>", null],
  ["<div contenteditable><b data-focus>a</b></div>", null],
  ["<input type=range>", "keep"],
  ["<input type=checkbox>", "keep"],
  ["<button>Keep</button>", "keep"],
])("with the focus on %s, “k” means %s", (html, action) => {
  expect(actionOf(press("k", { target: element(html) }), false)).toBe(action);
});

test("a key without a place to be typed in is ours", () => {
  expect(actionOf(press("k", { target: null }), false)).toBe("keep");
  expect(actionOf(press("k", { target: document }), false)).toBe("keep");
});
