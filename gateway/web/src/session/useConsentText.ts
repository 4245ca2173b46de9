import { useCallback, useState } from "react";

import { failureOf, type Failure } from "../api/failure";
import { json } from "../api/http";
import type { ConsentText } from "../api/messages";
import { useAccess } from "../api/token";

export interface ConsentTextHandle {
  /** The study's text; null until the server has sent it, and after `close`. */
  readonly shown: ConsentText | null;
  readonly pending: boolean;
  readonly failure: Failure | null;
  /** Asks the server for the text. Never throws. */
  readonly ask: () => Promise<void>;
  readonly close: () => void;
}

const CLOSED = { shown: null, pending: false, failure: null };

/** The text that the person is shown. Each time it is the server's newest. */
export function useConsentText(): ConsentTextHandle {
  const { send } = useAccess();
  const [state, setState] = useState<Pick<ConsentTextHandle, "shown" | "pending" | "failure">>(CLOSED);
  const ask = useCallback(async () => {
    setState({ ...CLOSED, pending: true });
    try {
      const shown = await json<ConsentText>(await send("GET", "/consent"));
      setState({ ...CLOSED, shown });
    } catch (error) {
      setState({ ...CLOSED, failure: failureOf(error) });
    }
  }, [send]);
  const close = useCallback(() => setState(CLOSED), []);
  return { ...state, ask, close };
}
