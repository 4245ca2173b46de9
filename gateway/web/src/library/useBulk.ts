import { useEffect, useRef, useState } from "react";

import { failureWith, type Failure } from "../api/failure";
import { words } from "../words";
import { changeOf, isGone, said, sendAll, statementsFor, undoing, type Action, type Statement } from "./actions";
import { useLibraryApi, type LibraryCapture } from "./api";
import type { CaptureList } from "./CaptureList";

export interface Bulk {
  /** While statements are being sent: how many of them the server has. */
  readonly running: { readonly done: number; readonly of: number } | null;
  /** What was said last, in words; empty before. */
  readonly words: string;
  /** Why the server does not have all of it, and how many are missing. */
  readonly failure: Failure | null;
  /** Says something about captures. */
  readonly run: (action: Action, captures: readonly LibraryCapture[]) => Promise<void>;
  /** Undoes what was said last; undefined if there is nothing to undo. */
  readonly undo: (() => Promise<void>) | undefined;
  /** Sends what the server does not have once more; undefined if it has all. */
  readonly retry: (() => Promise<void>) | undefined;
  /** Forgets what was said last, and with it the way back. */
  readonly close: () => void;
}

/** What is said about many captures: at first, and once more about those that the server did not take. */
interface Round {
  readonly wordsFor: (count: number) => string;
  readonly undoable: boolean;
  /** What the server has of it. */
  readonly done: readonly Statement[];
}

interface State extends Pick<Bulk, "running" | "words" | "failure"> {
  readonly round: Round | null;
  readonly missing: readonly Statement[];
}

const IDLE: State = { running: null, words: "", failure: null, round: null, missing: [] };

/** Says the same about many captures, shows it in the list, and can undo it. Calls `onSaid` after each round. */
export function useBulk(list: CaptureList, performerId: string, onSaid: () => void): Bulk {
  const api = useLibraryApi();
  const [state, setState] = useState(IDLE);
  const busy = useRef(false);
  const shown = useRef(list);
  useEffect(() => {
    shown.current = list;
  });

  async function submit(statements: readonly Statement[], round: Round) {
    if (busy.current) return;
    busy.current = true;
    let count = 0;
    const progress = () => setState({ ...IDLE, running: { done: count, of: statements.length } });
    progress();
    const { done, refused } = await sendAll(api, statements, performerId, () => {
      count += 1;
      progress();
    });
    busy.current = false;
    // the list in which it was said, and the one that a filter shows meanwhile
    const changes = new Map(done.map(({ capture, action }) => [capture.capture_id, changeOf(action)]));
    for (const each of new Set([list, shown.current])) each.update(changes);
    const all = [...round.done, ...done];
    setState({
      running: null,
      words: all.length === 0 && refused.length > 0 ? "" : round.wordsFor(all.length),
      failure: refused[0] ? missing(refused.length, statements.length, refused[0].failure) : null,
      round: { ...round, done: all },
      missing: refused.map(({ statement }) => statement),
    });
    onSaid();
  }

  function run(action: Action, captures: readonly LibraryCapture[]): Promise<void> {
    const gone = captures.filter((capture) => isGone(action, capture)).length;
    const wordsFor = (count: number) => said(action, count, gone);
    return submit(statementsFor(action, captures), { wordsFor, undoable: true, done: [] });
  }

  const { round, missing: unsent } = state;
  const back = round?.undoable ? undoing(round.done) : [];
  return {
    ...state,
    run,
    undo: back.length > 0 ? () => submit(back, { wordsFor: undoneWords, undoable: false, done: [] }) : undefined,
    retry: round && unsent.length > 0 ? () => submit(unsent, round) : undefined,
    close: () => setState(IDLE),
  };
}

function undoneWords(count: number): string {
  return words().library.bulk.undone(count);
}

function missing(refused: number, all: number, why: Failure): Failure {
  return failureWith(why.code, () => words().library.bulk.missing(refused, all, why.sentence));
}
