import { recorded } from "../test/library";
import type { HistoryEntry } from "./api";
import { historySentence, labelText, length, qualitySentence, wordFor } from "./words";

test.each([
  [null, "The server did not measure this capture."],
  [{ verdict: "good" }, "Good: the server found nothing wrong with it."],
  [
    { verdict: "check", reasons: ["hands_still", "pauses"] },
    "The hands hardly moved. The pictures stopped for half a second or more.",
  ],
  [{ verdict: "poor" }, "The server doubts this capture, but did not say why."],
] as const)("the quality %j is: %s", (quality, sentence) => {
  expect(
    qualitySentence(
      recorded(1, { quality: quality && { ...quality, reasons: [...("reasons" in quality ? quality.reasons : [])] } }),
    ),
  ).toBe(sentence);
});

test("a quality without reasons is a doubt without words", () => {
  expect(qualitySentence({ quality: { verdict: "poor" } })).toContain("did not say why");
});

test.each([
  ["capture.recorded", {}, "Recorded."],
  ["capture.reviewed", { verdict: "redo" }, "Judged: record again."],
  ["capture.reviewed", { verdict: "reject", reason: "too dark" }, "Judged: reject, because: too dark."],
  ["capture.reviewed", {}, "Verdict taken back."],
  ["capture.relabelled", { intent: "more" }, "Label changed to “more”."],
  ["capture.relabelled", {}, "Label taken back."],
  ["capture.reassigned", { participant: "p7" }, "Said to show p7."],
  ["consent.refused", {}, "Consent refused."],
  ["consent.withdrawn", { erase: true }, "Consent withdrawn, and the file is to be erased."],
  [
    "consent.withdrawn",
    { erase: true, reason: "retention" },
    "The time is over for which it was to be kept, and the file is to be erased.",
  ],
  ["capture.erased", {}, "The file with the landmarks was erased."],
  ["of.later", {}, "of.later."],
])("%s %j is: %s", (event, details, sentence) => {
  const entry: HistoryEntry = {
    event,
    details,
    recorded_at: "",
    record_id: null,
    performer_id: null,
    whole_session: false,
  };
  expect(historySentence(entry)).toBe(sentence);
});

test("small words", () => {
  expect([labelText(null), labelText(""), labelText("more")]).toEqual(["no label", "no label", "more"]);
  expect([length(7400), length(72_000)]).toEqual(["7 s", "1:12 min"]);
  expect(wordFor("quality", undefined).text).toBe("not measured");
  expect(wordFor("quality", "later")).toEqual({ tone: "idle", text: "later" });
});

test("what was said of a whole session says so", () => {
  const entry = { details: {}, recorded_at: "", record_id: null, performer_id: null, whole_session: true };
  expect(historySentence({ ...entry, event: "consent.withdrawn" })).toBe("Consent withdrawn for the whole session.");
  expect(historySentence({ ...entry, event: "consent.refused" })).toBe("Consent refused for the whole session.");
  expect(historySentence({ ...entry, event: "of.later" })).toBe("of.later for the whole session.");
  const erase = { ...entry, event: "consent.withdrawn", details: { erase: true } };
  expect(historySentence(erase)).toContain("for the whole session, and the file");
});
