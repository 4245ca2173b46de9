import { expect, test } from "vitest";

import { chooseLanguage } from "../words/language";
import { cutDoubt, endsCapture, interruptionFailure, isTurned } from "./interruptions";

const size = ([width, height]: readonly [number, number]) => ({ width, height });

const PHONE = { hidden: true, handheld: true };

test.each([
  ["a phone's page goes to the background", { type: "visibilitychange" }, PHONE, true],
  ["a phone's page comes back", { type: "visibilitychange" }, { ...PHONE, hidden: false }, false],
  ["a computer's page goes to the background", { type: "visibilitychange" }, { ...PHONE, handheld: false }, false],
  ["a browser stops the page", { type: "freeze" }, { ...PHONE, handheld: false }, true],
  ["a browser sets the page aside and may bring it back", { type: "pagehide", persisted: true }, PHONE, true],
  ["the person has left the page", { type: "pagehide", persisted: false }, PHONE, false],
])("%s", (_, event, page, ends) => {
  expect(endsCapture(event, page)).toBe(ends);
});

test.each([
  [[640, 480], [480, 640], true],
  [[480, 640], [640, 480], true],
  [[640, 480], [1280, 720], false],
  [[640, 480], [640, 480], false],
  [[0, 0], [640, 480], false],
  [[640, 480], [0, 0], false],
] as const)("a picture of %s that becomes one of %s is turned: %s", (before, now, turned) => {
  expect(isTurned(size(before), size(now))).toBe(turned);
});

test("the sentences follow the language that is shown", () => {
  const failure = interruptionFailure("page_hidden");
  expect(failure.sentence).toMatch(/^The page went to the background/);
  chooseLanguage("de");
  expect(failure.sentence).toMatch(/^Die Seite war nicht mehr im Vordergrund/);
  expect(cutDoubt("picture_turned")).toMatchObject({
    code: "picture_turned",
    happened: expect.stringContaining("gedreht"),
  });
  chooseLanguage(null);
});

test("what is no interruption has no doubt here", () => {
  expect(cutDoubt("camera_muted")).toBeUndefined();
});
