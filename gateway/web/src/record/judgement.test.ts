import { DEFAULT_LIMITS } from "../capture/limits";
import { CaptureProtocol, type CaptureState } from "../capture/protocol";
import { judgementOf, reasonOf } from "./judgement";

const WINDOW = {
  width: 640,
  height: 480,
  session: { sessionId: "s", userId: "p07", performerId: "p07" },
  captureId: "c1",
  recordId: "r1",
  intent: "Drink",
  limits: DEFAULT_LIMITS,
};
const STATE = new CaptureProtocol(WINDOW).state;

const state = (reasons: readonly string[], over: Partial<CaptureState> = {}): CaptureState => ({
  ...STATE,
  quality: { verdict: "check", reasons } as unknown as CaptureState["quality"],
  ...over,
});
const judged = (faults: readonly string[], of: CaptureState) =>
  judgementOf({ captureId: "c1", counts: faults.length === 0, faults }, of);

test.each([
  ["what the study ignores is not said", [], state(["hands_still"]), undefined],
  ["what it does not ignore is", ["no_hand"], state(["no_hand", "hands_still"]), "no_hand"],
  [
    "its own bounds come after",
    ["no_hand", "fps", "found.any_hand"],
    state(["no_hand"]),
    "no_hand, fps, found.any_hand",
  ],
  ["what only the page saw is said in any case", [], state([], { blackMs: 2000 }), "picture_black"],
  ["a take without a quality", ["no_quality"], { ...STATE, quality: null }, undefined],
])("%s", (_, faults, of, reason) => {
  expect(reasonOf(judged(faults, of))).toBe(reason);
});
