import { failureOf, type Failure } from "../api/failure";
import { newRecordId } from "../api/header";
import { words } from "../words";
import type { LibraryApi, LibraryCapture, Verdict } from "./api";
import { labelText, wordFor } from "./words";

/** What a person says about captures. */
export type Action =
  | { readonly kind: "review"; readonly verdict: Verdict | null; readonly reason?: string }
  | { readonly kind: "relabel"; readonly intent: string | null }
  | { readonly kind: "reassign"; readonly participant: string }
  | { readonly kind: "withdraw"; readonly erase: boolean };

/** One action about one capture. It is sent again with the same id, so that the server counts it once. */
export interface Statement {
  readonly capture: LibraryCapture;
  readonly action: Action;
  readonly recordId: string;
}

export interface Refused {
  readonly statement: Statement;
  readonly failure: Failure;
}

/** The outcome of some statements: those that the server has, and those that it refused. */
export interface Outcome {
  readonly done: readonly Statement[];
  readonly refused: readonly Refused[];
}

/**
 * One statement for each capture that the action would change. Of one that is gone, nothing can be said but that its file
 * is to be erased too.
 */
export function statementsFor(action: Action, captures: readonly LibraryCapture[]): readonly Statement[] {
  return captures
    .filter((capture) => !isGone(action, capture) && changes(action, capture))
    .map((capture) => ({ capture, action, recordId: newRecordId() }));
}

/** Whether a capture is withdrawn or erased, so that the action does not concern it any more. */
export function isGone(action: Action, { state }: Pick<LibraryCapture, "state">): boolean {
  return state === "erased" || (state === "withdrawn" && action.kind !== "withdraw");
}

function changes(action: Action, capture: LibraryCapture): boolean {
  switch (action.kind) {
    case "review":
      return capture.review !== action.verdict;
    case "relabel":
      return capture.label !== action.intent;
    case "reassign":
      return capture.participant !== action.participant;
    case "withdraw":
      return action.erase || capture.state !== "withdrawn";
  }
}

/** The statements that undo some: each says again what was so before. None for a withdrawal: that stays. */
export function undoing(done: readonly Statement[]): readonly Statement[] {
  return done.flatMap(({ capture, action }) => {
    const before = inverse(action, capture);
    return before ? [{ capture: { ...capture, ...changeOf(action) }, action: before, recordId: newRecordId() }] : [];
  });
}

function inverse(action: Action, { review, label, participant }: LibraryCapture): Action | null {
  switch (action.kind) {
    case "review":
      return { kind: "review", verdict: review };
    case "relabel":
      return { kind: "relabel", intent: label };
    case "reassign":
      return { kind: "reassign", participant };
    case "withdraw":
      return null;
  }
}

/** What an action changes in a capture as the list has it. */
export function changeOf(action: Action): Partial<LibraryCapture> {
  switch (action.kind) {
    case "review":
      return { review: action.verdict };
    case "relabel":
      return { label: action.intent };
    case "reassign":
      return { participant: action.participant };
    case "withdraw":
      return { consent: "withdrawn", state: "withdrawn" };
  }
}

const AT_ONCE = 4;

/**
 * Sends statements, a few at once, and goes on if one is refused. It stops early if the server cannot be reached; the
 * rest then counts as refused for the same reason. `onDone` is called for each that the server has. Never throws.
 */
export async function sendAll(
  api: LibraryApi,
  statements: readonly Statement[],
  performerId: string,
  onDone: (statement: Statement) => void,
): Promise<Outcome> {
  const waiting = [...statements];
  const done: Statement[] = [];
  const refused: Refused[] = [];
  let away: Failure | null = null;

  async function work(): Promise<void> {
    for (let statement = waiting.shift(); statement; statement = waiting.shift()) {
      if (away !== null) {
        refused.push({ statement, failure: away });
        continue;
      }
      try {
        await send(api, statement, performerId);
        done.push(statement);
        onDone(statement);
      } catch (error) {
        const failure = failureOf(error);
        if (AWAY.has(failure.code)) away = failure;
        refused.push({ statement, failure });
      }
    }
  }

  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { done, refused };
}

const AWAY: ReadonlySet<string> = new Set(["network_error", "timeout", "token_required"]);

/** Sends one statement. */
export async function send(
  api: LibraryApi,
  { capture, action, recordId }: Statement,
  performerId: string,
): Promise<void> {
  const options = { performerId, recordId };
  switch (action.kind) {
    case "review":
      await api.review(capture, action.verdict, {
        ...options,
        ...(action.reason === undefined ? {} : { reason: action.reason }),
      });
      break;
    case "relabel":
      await api.relabel(capture, action.intent, options);
      break;
    case "reassign":
      await api.reassign(capture, action.participant, options);
      break;
    case "withdraw":
      await api.withdraw(capture, { ...options, erase: action.erase });
      break;
  }
}

/** "1 capture", "1,234 captures". */
export function counted(count: number): string {
  return words().library.counted(count);
}

/** What was said about how many captures, in words: "3 captures: keep." `gone` are those that it does not concern. */
export function said(action: Action, count: number, gone = 0): string {
  const { action: texts } = words().library;
  const done = count === 0 ? texts.nothing : texts.said(counted(count), actionWords(action));
  return gone === 0 ? done : `${done} ${texts.gone(gone)}`;
}

/** An action in words: "keep". */
export function actionWords(action: Action): string {
  const { action: texts } = words().library;
  switch (action.kind) {
    case "review":
      return wordFor("review", action.verdict).text;
    case "relabel":
      return texts.label(labelText(action.intent));
    case "reassign":
      return texts.person(action.participant);
    case "withdraw":
      return action.erase ? texts.erased : texts.withdrawn;
  }
}
