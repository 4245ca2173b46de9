import { useRef, useState } from "react";

import { failureOf, type Failure } from "../api/failure";
import { newRecordId } from "../api/header";
import { counted } from "./actions";
import { useLibraryApi, type CaptureKey, type PersonKey } from "./api";
import type { CaptureList } from "./CaptureList";

export interface Withdrawal {
  readonly busy: boolean;
  /** What was withdrawn last, in words; empty before. */
  readonly words: string;
  readonly failure: Failure | null;
  /** Withdraws one capture of the person, or all that shows them. Never throws. */
  readonly withdraw: (what: CaptureKey | PersonKey, erase: boolean) => Promise<void>;
}

const IDLE = { busy: false, words: "", failure: null };

/** The person themself withdraws: the log keeps their own id as the one who acts. */
export function useWithdrawal(list: CaptureList, userId: string): Withdrawal {
  const api = useLibraryApi();
  const [state, setState] = useState<Omit<Withdrawal, "withdraw">>(IDLE);
  // if an answer was lost and the person tries again, the server gets the same request, and counts it once
  const ids = useRef(new Map<string, string>());

  async function withdraw(what: CaptureKey | PersonKey, erase: boolean): Promise<void> {
    const same = JSON.stringify([what, erase]);
    const recordId = ids.current.get(same) ?? newRecordId();
    ids.current.set(same, recordId);
    setState({ ...IDLE, busy: true });
    try {
      const { withdrawn } = await api.withdraw(what, { performerId: userId, recordId, erase });
      ids.current.delete(same);
      await list.reload();
      await list.loadAll();
      setState({ ...IDLE, words: `Done: ${counted(withdrawn)} withdrawn${erase ? AND_ERASED : ""}.` });
    } catch (error) {
      setState({ ...IDLE, failure: failureOf(error) });
    }
  }

  return { ...state, withdraw };
}

const AND_ERASED = "; the server erases the files within a minute";
