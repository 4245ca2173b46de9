import { useCallback, useEffect, useRef, useState } from "react";

import { failureOf, type Failure } from "../api/failure";

export interface Answered<Answer> {
  /** Null until the server has answered. */
  readonly answer: Answer | null;
  /** Why the last request failed. */
  readonly failure: Failure | null;
  /** Asks again; what was answered before stays meanwhile. */
  readonly reload: () => void;
  /** Changes what was answered, if there is something. */
  readonly change: (change: (answer: Answer) => Answer) => void;
}

interface State<Answer> extends Pick<Answered<Answer>, "answer" | "failure"> {
  /** The question that it answers. */
  readonly ask: unknown;
}

/** Asks the server at once and whenever `ask` is another function. The answer to the last request counts. */
export function useAnswer<Answer>(ask: () => Promise<Answer>): Answered<Answer> {
  const [state, setState] = useState<State<Answer>>({ ask, answer: null, failure: null });
  const requests = useRef(0);
  const latest = useRef(ask);

  // the same function for every question: what was started on one page may end on the next
  const reload = useCallback(() => {
    requests.current += 1;
    const [own, asked] = [requests.current, latest.current];
    const ended = (next: (before: Answer | null) => Omit<State<Answer>, "ask">) => {
      if (own !== requests.current) return;
      setState((before) => ({ ask: asked, ...next(before.ask === asked ? before.answer : null) }));
    };
    asked().then(
      (answer) => ended(() => ({ answer, failure: null })),
      (error: unknown) => ended((answer) => ({ answer, failure: failureOf(error) })),
    );
  }, []);

  useEffect(() => {
    latest.current = ask;
    reload();
    return () => {
      requests.current += 1; // its answer does not count any more
    };
  }, [ask, reload]);

  const change = useCallback((what: (answer: Answer) => Answer) => {
    setState((before) => (before.answer === null ? before : { ...before, answer: what(before.answer) }));
  }, []);

  const shown = state.ask === ask ? state : { answer: null, failure: null };
  return { answer: shown.answer, failure: shown.failure, reload, change };
}
