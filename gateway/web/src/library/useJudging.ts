import { useCallback, useState } from "react";

import { words } from "../words";
import { actionWords, changeOf, send, statementsFor, undoing, type Action, type Statement } from "./actions";
import { useLibraryApi, type LibraryCapture } from "./api";
import type { CaptureList } from "./CaptureList";
import { useDeliveries, type Deliveries } from "./useDeliveries";
import type { Performer } from "./usePerformer";
import { labelText } from "./words";

export interface Judging {
  readonly deliveries: Deliveries;
  /** What was said and is not in the log yet. */
  readonly pending: readonly Statement[];
  /** What was said last and can be undone; null if there is nothing. */
  readonly last: Statement | null;
  /** Says something about a capture. Returns it in words, for a person who does not see the page. */
  readonly say: (action: Action, capture: LibraryCapture) => string;
  /** Undoes `last` with one more event. Returns that in words. */
  readonly undo: () => string;
}

/** Called when the log has something new about a capture, with what changes. */
export type OnSaid = (captureId: string, change: Partial<LibraryCapture>) => void;

type Change = (all: readonly Statement[]) => readonly Statement[];

/** Puts what a person says about one capture after the other into their logs, shows it in the list, and can undo it. */
export function useJudging(list: CaptureList, performer: Performer, onSaid: OnSaid): Judging {
  const api = useLibraryApi();
  const deliveries = useDeliveries();
  const [pending, setPending] = useState<readonly Statement[]>([]);
  const [undoable, setUndoable] = useState<readonly Statement[]>([]);
  const { say: deliver } = deliveries;

  const start = useCallback(
    async (statement: Statement, performerId: string, change: Change, back: Change) => {
      const { capture, action } = statement;
      const { library, libraryCapture } = words();
      setPending((all) => [...all, statement]);
      setUndoable(change);
      const delivered = await deliver({
        topic: `${capture.capture_id} ${action.kind}`,
        words: libraryCapture.say.quoted(wordsOf(action, capture)),
        meanwhile: action.kind === "withdraw" ? library.undelivered.notWithdrawn : library.undelivered.safe,
        send: async () => {
          await send(api, statement, performerId);
          list.update(new Map([[capture.capture_id, changeOf(action)]]));
          onSaid(capture.capture_id, changeOf(action));
        },
      });
      setPending((all) => all.filter((each) => each !== statement));
      if (!delivered) setUndoable(back);
    },
    [api, deliver, list, onSaid],
  );

  function say(action: Action, capture: LibraryCapture): string {
    const [statement] = statementsFor(action, [withPending(capture, pending)]);
    if (!statement) return words().libraryCapture.say.nothing(wordsOf(action, capture));
    performer.used();
    const canBeUndone = undoing([statement]).length > 0;
    const add: Change = (all) => (canBeUndone ? [...all, statement] : all);
    void start(statement, performer.id, add, (all) => all.filter((each) => each !== statement));
    return `${wordsOf(action, capture)}.`;
  }

  const last = undoable.at(-1) ?? null;
  function undo(): string {
    const [statement] = undoing(last ? [last] : []);
    if (!last || !statement) return words().libraryCapture.say.nothingToUndo;
    const drop: Change = (all) => all.filter((each) => each !== last);
    void start(statement, performer.id, drop, (all) => [...all, last]);
    return words().libraryCapture.say.undone(wordsOf(statement.action, statement.capture));
  }

  return { deliveries, pending, last, say, undo };
}

/** A capture as it will be when the log has what was said. A withdrawal counts only when the server has it. */
export function withPending<Capture extends LibraryCapture>(capture: Capture, pending: readonly Statement[]): Capture {
  const changes = pending
    .filter(({ capture: { capture_id }, action }) => capture_id === capture.capture_id && action.kind !== "withdraw")
    .map(({ action }) => changeOf(action));
  return Object.assign({}, capture, ...changes) as Capture;
}

/** An action in words: "more: keep". */
export function wordsOf(action: Action, { label }: Pick<LibraryCapture, "label">): string {
  return `${labelText(label)}: ${actionWords(action)}`;
}
