import { useRef, useState } from "react";

import type { Failure } from "../api/failure";
import { sendAll, said, statementsFor, undoing, changeOf, type Action, type Statement } from "./actions";
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
}

interface State extends Pick<Bulk, "running" | "words" | "failure"> {
  readonly done: readonly Statement[];
  readonly missing: readonly Statement[];
}

const IDLE: State = { running: null, words: "", failure: null, done: [], missing: [] };

/** Says the same about many captures, shows it in the list at once, and can undo it. Call `onSaid` after each run. */
export function useBulk(list: CaptureList, performerId: string, onSaid: () => void): Bulk {
  const api = useLibraryApi();
  const [state, setState] = useState(IDLE);
  const busy = useRef(false);

  async function submit(statements: readonly Statement[], wordsFor: (count: number) => string, undoable: boolean) {
    if (busy.current) return;
    busy.current = true;
    let count = 0;
    setState({ ...IDLE, running: { done: 0, of: statements.length } });
    const { done, refused } = await sendAll(api, statements, performerId, () => {
      count += 1;
      setState({ ...IDLE, running: { done: count, of: statements.length } });
    });
    busy.current = false;
    list.update(new Map(done.map(({ capture, action }) => [capture.capture_id, changeOf(action)])));
    setState({
      running: null,
      words: wordsFor(done.length),
      failure: refused[0] ? missing(refused.length, statements.length, refused[0].failure) : null,
      done: undoable ? done : [],
      missing: refused.map(({ statement }) => statement),
    });
    onSaid();
  }

  const { done, missing: unsent } = state;
  const back = undoing(done);
  return {
    ...state,
    run: (action, captures) => submit(statementsFor(action, captures), (count) => said(action, count), true),
    undo: back.length > 0 ? () => submit(back, (count) => `Undone for ${count}.`, false) : undefined,
    retry: unsent.length > 0 ? () => submit(unsent, (count) => `Sent again: ${count}.`, false) : undefined,
  };
}

function missing(refused: number, all: number, { code, sentence }: Failure): Failure {
  return { code, sentence: `The server did not take ${refused} of ${all}. ${sentence}` };
}
