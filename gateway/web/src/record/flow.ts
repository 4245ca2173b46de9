import type { Failure } from "../api/failure";
import type { Study, StudyProgress } from "../api/messages";
import type { Phase } from "../capture/protocol";
import { breakDue, nextPrompt, withDecisions, type Decisions } from "./plan";

/**
 * consent → framing → prompt → countdown → recording → checking → verdict → prompt …, with breaks between, until done.
 *
 * `checking`: the server stores the take, and says whether it counts. `trouble`: something failed; a command goes on.
 */
export type Step =
  "consent" | "framing" | "prompt" | "countdown" | "recording" | "checking" | "verdict" | "break" | "done" | "trouble";

/** What a person can do. `commandsIn` says which of them a step has. */
export type Command = "goOn" | "start" | "cancel" | "stop" | "next" | "keep" | "again" | "later" | "rest" | "finish";

/** A recorded take (without a `captureId`: none), and what the study's rule says of it. */
export interface Take {
  readonly captureId: string;
  readonly counts: boolean;
  /** What it lacks: codes of quality reasons, or names of the quality's numbers. */
  readonly faults: readonly string[];
}

/** One sitting of a participant: where they are, and what they said. */
export interface Flow {
  readonly step: Step;
  readonly study: Study;
  /** With every decision of this sitting, also those that the server does not have yet. */
  readonly progress: StudyProgress;
  /** The id of the prompt to show now; empty if nothing is left. */
  readonly prompt: string;
  /** The last take, in `verdict`. */
  readonly take: Take;
  /** Why the step is `trouble`. */
  readonly failure: Failure | null;
  /** The capture that is recorded and waits for its verdict; empty if there is none. */
  readonly captureId: string;
  /** How many takes were recorded since the last break. */
  readonly sinceBreak: number;
  readonly decisions: Decisions;
  /** The prompts that the person wants to show later. */
  readonly putOff: ReadonlySet<string>;
}

/** What happened: a command of the person, or something outside. */
export type FlowEvent =
  | { readonly type: Command }
  | { readonly type: "consented" }
  | { readonly type: "sessionLost" }
  | { readonly type: "phase"; readonly phase: Phase; readonly captureId: string }
  /** The capture did not begin, or failed. `failure` is null if the person cancelled it. */
  | { readonly type: "captureFailed"; readonly failure: Failure | null }
  | { readonly type: "judged"; readonly progress: StudyProgress }
  | { readonly type: "unjudged"; readonly failure: Failure };

/** What to do outside. */
export type Action =
  | { readonly type: "camera"; readonly on: boolean }
  | { readonly type: "say"; readonly prompt: string }
  | { readonly type: "begin"; readonly prompt: string }
  | { readonly type: "stop" | "cancel" | "judge" | "endSession" }
  | { readonly type: "review"; readonly take: Take; readonly prompt: string; readonly verdict: "keep" | "redo" };

export interface Outcome {
  readonly flow: Flow;
  readonly actions: readonly Action[];
}

const NO_TAKE: Take = { captureId: "", counts: false, faults: [] };

/** The beginning of a sitting. `hasSession`: after a reload the session is still open, with its consent. */
export function begun(study: Study, progress: StudyProgress, hasSession: boolean): Outcome {
  const flow: Flow = {
    step: "consent",
    study,
    progress,
    prompt: nextPrompt(progress, new Set()),
    take: NO_TAKE,
    failure: null,
    captureId: "",
    sinceBreak: 0,
    decisions: new Map(),
    putOff: new Set(),
  };
  if (flow.prompt === "") return ended(flow);
  return hasSession ? to(flow, "framing", { type: "camera", on: true }) : to(flow, "consent");
}

/** The commands of a step, the one that most people want first. */
export function commandsIn({ step, take, captureId }: Flow): readonly Command[] {
  switch (step) {
    case "framing":
      return ["goOn"];
    case "prompt":
      return ["start", "later", "rest", "finish"];
    case "countdown":
      return ["cancel"];
    case "recording":
      return ["stop", "cancel"];
    case "verdict":
      return take.counts ? ["next", "again"] : ["again", "keep"];
    case "break":
      return ["goOn", "finish"];
    case "trouble":
      return captureId === "" ? ["again", "goOn"] : ["again"];
    default:
      return [];
  }
}

/** The rules of a sitting: what follows from an event. An event that a step does not know changes nothing. */
export function after(flow: Flow, event: FlowEvent): Outcome {
  switch (event.type) {
    case "consented":
      return flow.step === "consent" ? to(flow, "framing", { type: "camera", on: true }) : same(flow);
    case "sessionLost":
      return flow.step === "done"
        ? same(flow)
        : to({ ...flow, failure: null }, "consent", { type: "camera", on: false });
    case "phase":
      return afterPhase(flow, event.phase, event.captureId);
    case "captureFailed":
      if (!CAPTURING.has(flow.step)) return same(flow);
      return event.failure ? troubled({ ...flow, captureId: "" }, event.failure) : to(flow, "prompt");
    case "judged":
      return flow.step === "checking" ? judged(flow, event.progress) : same(flow);
    case "unjudged":
      return flow.step === "checking" ? troubled(flow, event.failure) : same(flow);
    default:
      return commandsIn(flow).includes(event.type) ? obeyed(flow, event.type) : same(flow);
  }
}

const CAPTURING: ReadonlySet<Step> = new Set(["countdown", "recording", "checking"]);

const STEP_OF_PHASE: Readonly<Partial<Record<Phase, Step>>> = {
  opening: "countdown",
  counting: "countdown",
  recording: "recording",
  closing: "checking",
  settling: "checking",
};

function afterPhase(flow: Flow, phase: Phase, captureId: string): Outcome {
  if (!CAPTURING.has(flow.step)) return same(flow);
  if (phase === "recorded") {
    if (flow.captureId === captureId) return same(flow); // it was said already
    return to({ ...flow, captureId, sinceBreak: flow.sinceBreak + 1 }, "checking", { type: "judge" });
  }
  const step = STEP_OF_PHASE[phase];
  return step ? to(flow, step) : same(flow);
}

function obeyed(flow: Flow, command: Command): Outcome {
  switch (command) {
    case "start":
      return recordingOf(flow);
    case "stop":
    case "cancel":
      return { flow, actions: [{ type: command }] };
    case "next":
      return advanced(flow);
    case "keep":
      return decided(flow, "keep", advanced);
    case "again":
      return afterAgain(flow);
    case "later":
      return shown({ ...flow, putOff: new Set([...flow.putOff, flow.prompt]) });
    case "rest":
      return rested(flow);
    case "goOn":
      return afterGoOn(flow);
    case "finish":
      return ended(flow);
  }
}

function afterGoOn(flow: Flow): Outcome {
  const { flow: next, actions } = shown({ ...flow, failure: null });
  return { flow: next, actions: flow.step === "break" ? [{ type: "camera", on: true }, ...actions] : actions };
}

function afterAgain(flow: Flow): Outcome {
  if (flow.step === "verdict") return decided(flow, "redo", recordingOf);
  if (flow.captureId !== "") return to({ ...flow, failure: null }, "checking", { type: "judge" });
  return recordingOf(flow);
}

function recordingOf(flow: Flow): Outcome {
  const begin: Action = { type: "begin", prompt: flow.prompt };
  return to({ ...flow, take: NO_TAKE, failure: null, captureId: "" }, "countdown", begin);
}

function judged(flow: Flow, told: StudyProgress): Outcome {
  const { counts, faults } = told.takes.find(({ capture_id }) => capture_id === flow.captureId) ?? NO_TAKE;
  const take = { captureId: flow.captureId, counts, faults };
  return to({ ...flow, take, progress: withDecisions(flow.study, told, flow.decisions) }, "verdict");
}

/** Notes what the person says of the take, and goes on. */
function decided(flow: Flow, verdict: "keep" | "redo", then: (flow: Flow) => Outcome): Outcome {
  const { take, prompt } = flow;
  const decisions = new Map([...flow.decisions, [take.captureId, verdict] as const]);
  const progress = withDecisions(flow.study, flow.progress, decisions);
  const outcome = then({ ...flow, decisions, progress });
  return { flow: outcome.flow, actions: [{ type: "review", take, prompt, verdict }, ...outcome.actions] };
}

/** On from a verdict: to a break if one is due, else to the next prompt. */
function advanced(flow: Flow): Outcome {
  const left = nextPrompt(flow.progress, flow.putOff) !== "";
  return left && breakDue(flow.study, flow.sinceBreak) ? rested(flow) : shown(flow);
}

function shown(flow: Flow): Outcome {
  const prompt = nextPrompt(flow.progress, flow.putOff);
  if (prompt === "") return ended(flow);
  return to({ ...flow, prompt, take: NO_TAKE, captureId: "" }, "prompt", { type: "say", prompt });
}

function rested(flow: Flow): Outcome {
  return to({ ...flow, take: NO_TAKE, captureId: "", sinceBreak: 0 }, "break", { type: "camera", on: false });
}

function ended(flow: Flow): Outcome {
  return to({ ...flow, take: NO_TAKE }, "done", { type: "camera", on: false }, { type: "endSession" });
}

function troubled(flow: Flow, failure: Failure): Outcome {
  return to({ ...flow, failure }, "trouble");
}

function to(flow: Flow, step: Step, ...actions: readonly Action[]): Outcome {
  return { flow: { ...flow, step }, actions };
}

function same(flow: Flow): Outcome {
  return { flow, actions: [] };
}
