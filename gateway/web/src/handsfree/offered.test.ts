import { expect, test } from "vitest";

import { buttonsFor, itemsNow } from "./offered";
import { DEFAULT_SETTINGS } from "./settings";

const offers = [
  { command: "next", blocked: undefined },
  { command: "again", blocked: undefined },
];

const texts = (elements: readonly HTMLElement[]) => elements.map(({ textContent }) => textContent);

test("a command that has no button, or is blocked, is left out", () => {
  document.body.innerHTML = `<button data-command="again">Again</button>`;
  expect(texts(buttonsFor(document, "press", DEFAULT_SETTINGS, offers))).toEqual(["Again"]);
  const blocked = offers.map(({ command }) => ({ command, blocked: "camera" }));
  expect(buttonsFor(document, "press", DEFAULT_SETTINGS, blocked)).toEqual([]);
});

test.each([
  ["scan", false, ["Again", "Other"]],
  ["scan", true, ["Again", "Other"]],
  ["switch", false, ["Again"]],
  ["switch", true, []],
  ["pose", false, ["Again"]],
  ["pose", true, []],
] as const)("what is highlighted: %s, settings open: %s", (way, isSetting, expected) => {
  document.body.innerHTML = `<button data-command="again">Again</button><button>Other</button>`;
  expect(texts(itemsNow(document, { ...DEFAULT_SETTINGS, way }, offers, isSetting))).toEqual(expected);
});
