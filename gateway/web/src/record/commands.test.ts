import { progress, study } from "../test/study";
import { controlsOf, type Circumstances } from "./commands";
import { after, begun, type Flow, type FlowEvent } from "./flow";

const READY: Circumstances = { camera: { status: "ready", muted: false }, beginning: false, capture: null };
const flowAfter = (...events: readonly FlowEvent[]): Flow =>
  events.reduce((flow, event) => after(flow, event).flow, begun(study(), progress([0, 0]), true).flow);
const TROUBLE = { type: "captureFailed", failure: { code: "x", sentence: "x" } } as const;
const RECORDED = { type: "phase", phase: "recorded", captureId: "c1" } as const;

const PROMPT = flowAfter({ type: "goOn" });
const COUNTING = flowAfter({ type: "goOn" }, { type: "start" });
const RECORDING = flowAfter(
  { type: "goOn" },
  { type: "start" },
  { type: "phase", phase: "recording", captureId: "c1" },
);
const FAILED = flowAfter({ type: "goOn" }, { type: "start" }, TROUBLE);
const VERDICT = flowAfter({ type: "goOn" }, { type: "start" }, RECORDED, {
  type: "judged",
  progress: progress([0, 0]),
});
const UNJUDGED = flowAfter({ type: "goOn" }, { type: "start" }, RECORDED, {
  type: "unjudged",
  failure: TROUBLE.failure,
});
const NO_CAMERA: Circumstances = { ...READY, camera: { status: "asking", muted: false } };

test.each([
  ["a start", PROMPT, READY, undefined],
  ["a start without a camera", PROMPT, NO_CAMERA, "camera"],
  ["a start with a muted camera", PROMPT, { ...READY, camera: { status: "ready", muted: true } }, "muted"],
  ["again, after a verdict, without a camera", VERDICT, NO_CAMERA, "camera"],
  ["again, after a failure, without a camera", FAILED, NO_CAMERA, "camera"],
  ["the verdict again needs no camera", UNJUDGED, NO_CAMERA, undefined],
  ["a cancel, before there is a capture", COUNTING, { ...READY, beginning: true }, "beginning"],
  ["a cancel", COUNTING, READY, undefined],
  ["a stop, before there is a capture", RECORDING, READY, "short"],
] as const)("%s", (_, flow, now, blocked) => {
  expect(controlsOf(flow, now)[0]?.blocked).toBe(blocked);
});
