import { progress, study, take } from "../test/study";
import { after, begun, commandsIn, type Flow, type FlowEvent, type Outcome, type Step } from "./flow";

const FAILURE = { code: "network_error", sentence: "No network." };
const CAMERA_ON = { type: "camera", on: true };
const CAMERA_OFF = { type: "camera", on: false };
const END = { type: "endSession" };
const say = (prompt: string) => ({ type: "say", prompt });
const begin = (prompt: string) => ({ type: "begin", prompt });
const phase = (name: string, captureId = "c1") => ({ type: "phase", phase: name, captureId }) as FlowEvent;
const judged = (counts: boolean) =>
  ({ type: "judged", progress: progress(counts ? [1, 0] : [0, 0], [take("c1", "drink", counts)]) }) as FlowEvent;

/** The last outcome of a sitting in which all this happens. */
function played(events: readonly FlowEvent[], first: Outcome = begun(study(), progress([0, 0]), true)): Outcome {
  return events.reduce<Outcome>(({ flow }, event) => after(flow, event), first);
}

const PROMPT: readonly FlowEvent[] = [{ type: "goOn" }];
const COUNTING = [...PROMPT, { type: "start" }, phase("counting")] as const;
const RECORDING = [...COUNTING, phase("recording")] as const;
const CHECKING = [...RECORDING, phase("closing"), phase("settling"), phase("recorded")] as const;

const review = (verdict: string, counts: boolean) => ({
  type: "review",
  verdict,
  prompt: "drink",
  take: { captureId: "c1", counts, faults: counts ? [] : ["no_hand"] },
});

/** The first take is good, in a study with a break every so many takes. */
const firstGood = (every: number | null): Outcome =>
  played([...CHECKING, judged(true), { type: "next" }], begun(study({ break_every: every }), progress([0, 0]), true));

const flowAt = (events: readonly FlowEvent[]): Flow => played(events).flow;

describe("a sitting begins", () => {
  test("with the question, and goes on when the session is open", () => {
    const first = begun(study(), progress([0, 0]), false);
    expect([first.flow.step, first.actions]).toEqual(["consent", []]);
    const { flow, actions } = after(first.flow, { type: "consented" });
    expect([flow.step, actions]).toEqual(["framing", [CAMERA_ON]]);
  });
  test("with the check of the picture, if the session is open still", () => {
    const { flow, actions } = begun(study(), progress([1, 0]), true);
    expect([flow.step, flow.prompt, actions]).toEqual(["framing", "pain", [CAMERA_ON]]);
  });
  test("and ends at once, if nothing is left", () => {
    const { flow, actions } = begun(study(), progress([2, 2]), false);
    expect([flow.step, actions]).toEqual(["done", [CAMERA_OFF, END]]);
  });
});

describe("what follows", () => {
  const cases: readonly [string, readonly FlowEvent[], Step, readonly object[]][] = [
    ["the check leads to the prompt, which is read aloud", PROMPT, "prompt", [say("drink")]],
    ["a start begins the capture", [...PROMPT, { type: "start" }], "countdown", [begin("drink")]],
    ["the count-down", [...PROMPT, { type: "start" }, phase("opening")], "countdown", []],
    ["the recording", RECORDING, "recording", []],
    ["a stop", [...RECORDING, { type: "stop" }], "recording", [{ type: "stop" }]],
    ["a cancel", [...RECORDING, { type: "cancel" }], "recording", [{ type: "cancel" }]],
    ["a cancelled capture", [...RECORDING, { type: "captureFailed", failure: null }], "prompt", []],
    ["a failed capture", [...RECORDING, { type: "captureFailed", failure: FAILURE }], "trouble", []],
    ["the server stores it", [...RECORDING, phase("settling")], "checking", []],
    ["a recorded take is judged", CHECKING, "checking", [{ type: "judge" }]],
    ["and judged once", [...CHECKING, phase("recorded")], "checking", []],
    ["a phase that says nothing", [...RECORDING, phase("failed")], "recording", []],
    ["the verdict", [...CHECKING, judged(true)], "verdict", []],
    ["next", [...CHECKING, judged(true), { type: "next" }], "prompt", [say("pain")]],
    ["no verdict", [...CHECKING, { type: "unjudged", failure: FAILURE }], "trouble", []],
    [
      "the verdict again",
      [...CHECKING, { type: "unjudged", failure: FAILURE }, { type: "again" }],
      "checking",
      [{ type: "judge" }],
    ],
    [
      "the capture again",
      [...RECORDING, { type: "captureFailed", failure: FAILURE }, { type: "again" }],
      "countdown",
      [begin("drink")],
    ],
    [
      "past a failure",
      [...RECORDING, { type: "captureFailed", failure: FAILURE }, { type: "goOn" }],
      "prompt",
      [say("drink")],
    ],
    ["later", [...PROMPT, { type: "later" }], "prompt", [say("pain")]],
    ["a rest", [...PROMPT, { type: "rest" }], "break", [CAMERA_OFF]],
    ["the end of a rest", [...PROMPT, { type: "rest" }, { type: "goOn" }], "prompt", [CAMERA_ON, say("drink")]],
    ["enough for now", [...PROMPT, { type: "finish" }], "done", [CAMERA_OFF, END]],
    ["a session that has ended", [...RECORDING, { type: "sessionLost" }], "consent", [CAMERA_OFF]],
    ["a session that ends at the end", [...PROMPT, { type: "finish" }, { type: "sessionLost" }], "done", []],
    ["an event that does not belong here", [{ type: "start" }], "framing", []],
    ["consent in the middle", [...PROMPT, { type: "consented" }], "prompt", []],
    ["a capture's news after its end", [...PROMPT, phase("recorded")], "prompt", []],
    ["a capture's failure after its end", [...PROMPT, { type: "captureFailed", failure: FAILURE }], "prompt", []],
    ["a verdict after its time", [...PROMPT, judged(true)], "prompt", []],
    ["no verdict after its time", [...PROMPT, { type: "unjudged", failure: FAILURE }], "prompt", []],
  ];
  test.each(cases)("%s", (_, events, step, actions) => {
    const outcome = played(events);
    expect(outcome.flow.step).toBe(step);
    expect(outcome.actions).toEqual(actions);
  });
});

describe("the person decides", () => {
  test("to keep a take that is not good: it counts", () => {
    const { flow, actions } = played([...CHECKING, judged(false), { type: "keep" }]);
    expect([flow.step, flow.prompt]).toEqual(["prompt", "pain"]);
    expect(actions).toEqual([review("keep", false), say("pain")]);
    expect(flow.progress.remaining).toEqual(["pain", "drink", "pain"]);
  });
  test("to record a bad take again, at once", () => {
    const { flow, actions } = played([...CHECKING, judged(false), { type: "again" }]);
    expect([flow.step, flow.prompt]).toEqual(["countdown", "drink"]);
    expect(actions).toEqual([review("redo", false), begin("drink")]);
  });
  test("to record a good take again: it counts no more", () => {
    const { flow, actions } = played([...CHECKING, judged(true), { type: "again" }]);
    expect(actions).toEqual([review("redo", true), begin("drink")]);
    expect(flow.progress.remaining).toEqual(["drink", "pain", "drink", "pain"]);
  });
  test("and the server's answer does not take that back before it has it", () => {
    const told = progress([0, 0], [take("c2", "drink", false), take("c1", "drink", false)]);
    const { flow } = played([
      ...CHECKING,
      judged(false),
      { type: "keep" },
      { type: "start" },
      phase("recorded", "c2"),
      { type: "judged", progress: told },
    ]);
    expect(flow.progress.remaining).toEqual(["pain", "drink", "pain"]);
  });
  test("a take that the server does not list is not called good", () => {
    const { flow } = played([...CHECKING, { type: "judged", progress: progress([0, 0]) }]);
    expect(flow.take).toEqual({ captureId: "c1", counts: false, faults: [] });
  });
});

describe("breaks and the end", () => {
  test("a break comes when it is due, and the count begins again", () => {
    expect(firstGood(2).flow.step).toBe("prompt");
    const { flow, actions } = firstGood(1);
    expect([flow.step, flow.sinceBreak, actions]).toEqual(["break", 0, [CAMERA_OFF]]);
  });
  test("after the last take comes the end, and no break", () => {
    const last = begun(study({ break_every: 1 }), progress([1, 2]), true);
    const done = { type: "judged", progress: progress([2, 2], [take("c1", "drink", true)]) } as const;
    const { flow, actions } = played([...CHECKING, done, { type: "next" }], last);
    expect([flow.step, actions]).toEqual(["done", [CAMERA_OFF, END]]);
  });
});

describe("the commands of a step, the first one first", () => {
  test.each([
    ["framing", flowAt([]), ["goOn"]],
    ["prompt", flowAt(PROMPT), ["start", "later", "rest", "finish"]],
    ["countdown", flowAt(COUNTING), ["cancel"]],
    ["recording", flowAt(RECORDING), ["stop", "cancel"]],
    ["checking", flowAt(CHECKING), []],
    ["a good take", flowAt([...CHECKING, judged(true)]), ["next", "again"]],
    ["a take that is not good", flowAt([...CHECKING, judged(false)]), ["again", "keep"]],
    ["a break", flowAt([...PROMPT, { type: "rest" }]), ["goOn", "finish"]],
    ["a failed capture", flowAt([...RECORDING, { type: "captureFailed", failure: FAILURE }]), ["again", "goOn"]],
    ["no verdict", flowAt([...CHECKING, { type: "unjudged", failure: FAILURE }]), ["again"]],
    ["the end", flowAt([...PROMPT, { type: "finish" }]), []],
  ] as const)("%s", (_, flow, commands) => {
    expect(commandsIn(flow)).toEqual(commands);
  });
});
