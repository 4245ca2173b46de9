import { useEffect, useRef, useState } from "react";

import { failureOf, type Failure } from "../api/failure";
import { newRecordId } from "../api/header";
import { useWords } from "../words";
import { counted } from "./actions";
import { useLibraryApi, type CaptureKey, type PersonKey } from "./api";
import type { CaptureList, ListState } from "./CaptureList";
import { ERASING_MS } from "./useLibraryCapture";

export interface Withdrawal {
  readonly busy: boolean;
  /** What was withdrawn last, in words; empty before. */
  readonly words: string;
  readonly failure: Failure | null;
  /** Withdraws one capture of the person, or all that shows them. Never throws. */
  readonly withdraw: (what: CaptureKey | PersonKey, erase: boolean) => Promise<void>;
}

interface State extends Pick<Withdrawal, "busy" | "failure"> {
  /** What was withdrawn last: how many captures, or "erase" if their files are erased too. */
  readonly done: number | "erase" | null;
}

const IDLE: State = { busy: false, done: null, failure: null };

/** The person themself withdraws: the log keeps their own id as the one who acts. */
export function useWithdrawal(list: CaptureList, { captures }: ListState, userId: string): Withdrawal {
  const api = useLibraryApi();
  const { done: texts } = useWords().person;
  const [state, setState] = useState(IDLE);
  const [asked, setAsked] = useState<ReadonlySet<string>>(new Set());
  // if an answer was lost and the person tries again, the server gets the same request, and counts it once
  const ids = useRef(new Map<string, string>());

  // files that are being erased are looked at until they are gone
  const erasing = captures.some(({ capture_id, state: is }) => is === "withdrawn" && asked.has(capture_id));
  useEffect(() => {
    if (!erasing) return undefined;
    const timer = setInterval(() => void list.refresh(), ERASING_MS);
    return () => clearInterval(timer);
  }, [erasing, list]);

  async function withdraw(what: CaptureKey | PersonKey, erase: boolean): Promise<void> {
    const same = JSON.stringify([what, erase]);
    const recordId = ids.current.get(same) ?? newRecordId();
    ids.current.set(same, recordId);
    setState({ ...IDLE, busy: true });
    try {
      const { withdrawn } = await api.withdraw(what, { performerId: userId, recordId, erase });
      ids.current.delete(same);
      await list.refresh();
      const about = "capture_id" in what ? [what] : list.state().captures;
      if (erase) setAsked((before) => new Set([...before, ...about.map(({ capture_id }) => capture_id)]));
      setState({ ...IDLE, done: erase ? "erase" : withdrawn });
    } catch (error) {
      setState({ ...IDLE, failure: failureOf(error) });
    }
  }

  const { done, ...rest } = state;
  const said = done === null ? "" : done !== "erase" ? texts.withdrawn(counted(done)) : texts.erasing;
  return { ...rest, words: done === "erase" && !erasing ? texts.erased : said, withdraw };
}
