import { expect, test } from "vitest";

import constants from "../api/constants.json";
import type { Quality } from "../api/messages";
import type { CaptureState } from "./protocol";
import { advice, doubts, facts, happened, reasonOf, sentencesOf, serverDoubts, summary } from "./quality";

const quality = (...reasons: string[]) => ({ verdict: reasons.length > 0 ? "check" : "good", reasons }) as Quality;

const GOOD = {
  found: { pose: 100, face: 100, left_hand: 10, right_hand: 80 },
  extracted: 100,
  sent: 100,
  elapsedMs: 6_900,
  blackMs: 0,
  stillMs: 0,
  cut: null,
  quality: quality(),
} as unknown as CaptureState;

test("nothing speaks against a good capture", () => {
  expect(doubts(GOOD)).toEqual([]);
  expect(summary("more", GOOD)).toBe("more, 7 s, hands 80 %, 14 pictures a second");
});

test("a server that says nothing of the quality has no doubts, whatever it found", () => {
  const found = { pose: 0, face: 0, left_hand: 0, right_hand: 0 };
  expect(doubts({ ...GOOD, quality: null, found })).toEqual([]);
  expect(serverDoubts(undefined)).toEqual([]);
});

test.each(Object.keys(constants.quality_reasons))("%s has its sentence and its advice", (reason) => {
  const [doubt] = doubts({ ...GOOD, quality: quality(reason) });
  expect(doubt?.happened).toMatch(/^[A-Z].*\.$/);
  expect(doubt?.advice).toMatch(/^[A-Z].*\.$/);
  expect(doubt?.happened).not.toContain(reason);
});

test("the reasons keep the server's order", () => {
  const both = serverDoubts(quality("left_hand_mostly_out", "pauses"));
  expect(happened(both)).toBe(
    "The left hand was out of the picture for most of it. The pictures stopped for half a second or more.",
  );
});

test("a reason that this page does not know is shown by its code", () => {
  expect(happened(serverDoubts(quality("too_blurred")))).toBe("The server doubts this recording (too_blurred).");
});

test("the reason of a verdict has the codes of all doubts", () => {
  const cut = { code: "camera_muted", sentence: "…" };
  const all = doubts({ ...GOOD, quality: quality("no_hand"), blackMs: 2000, stillMs: 2000, cut });
  expect(reasonOf(all)).toBe("no_hand, picture_black, picture_still, camera_muted");
});

test("the reason of a verdict is read in sentences, unless a person wrote it", () => {
  expect(sentencesOf("left_hand_lost, picture_black")).toBe(
    "The left hand was not seen for half a second or more. The picture was black.",
  );
  expect(sentencesOf("no_hand, too dark")).toBeUndefined();
});

test.each<[string, Partial<CaptureState>]>([
  ["The picture was black for 3 s.", { blackMs: 3_100 }],
  ["The picture was black for a second.", { blackMs: 1_000 }],
  ["The picture did not move for a second.", { stillMs: 1_200 }],
  ["The camera stopped delivering pictures, so it ends there.", { cut: { code: "camera_muted", sentence: "…" } }],
])("only the page sees this: %s", (sentence, change) => {
  expect(happened(doubts({ ...GOOD, ...change }))).toBe(sentence);
  expect(happened(doubts({ ...GOOD, ...change, quality: quality("pauses") }))).toMatch(
    new RegExp(`half.* ${sentence}$`),
  );
});

test("a moment is no doubt", () => {
  expect(doubts({ ...GOOD, blackMs: 999, stillMs: 999 })).toEqual([]);
});

test("an advice for several reasons is given once", () => {
  const both = serverDoubts(quality("left_hand_cut_off", "right_hand_cut_off", "few_frames", "pauses"));
  expect(advice(both)).toBe(
    "Move back until both hands are well inside the picture. " +
      "Close other programs and tabs, or use a faster connection.",
  );
});

test.each<[Partial<CaptureState>, string]>([
  [{ extracted: 0 }, "no label, 7 s, 14 pictures a second"],
  [{ sent: 7 }, "no label, 7 s, hands 80 %, 1 picture a second"],
  [{ sent: 2 }, "no label, 7 s, hands 80 %, less than 1 picture a second"],
  [{ elapsedMs: 0 }, "no label, 0 s, hands 80 %, less than 1 picture a second"],
])("the facts are those of the capture: %o", (change, line) => {
  expect(facts("", { ...GOOD, ...change })).toBe(line);
});

test("the line of a session's list has facts and doubts", () => {
  expect(summary("more", { ...GOOD, quality: quality("hands_still") })).toBe(
    "more, 7 s, hands 80 %, 14 pictures a second. The hands hardly moved.",
  );
});
