import { createContext, useContext, useMemo, useState, useSyncExternalStore, type ReactNode } from "react";

import { TokenPrompt } from "../components/TokenPrompt";
import { TokenDesk } from "./desk";
import { createSend, type Send } from "./http";

interface Access {
  readonly send: Send;
  /** The token at this moment, for a WebSocket; null if none was asked for yet. */
  readonly token: () => string | null;
}

const AccessContext = createContext<Access | null>(null);

/** Lets components talk to the gateway, and asks for the token when the gateway does. */
export function TokenProvider({ children }: { readonly children: ReactNode }) {
  const [desk] = useState(() => new TokenDesk());
  const question = useSyncExternalStore(desk.subscribe, desk.question);
  const access = useMemo<Access>(() => ({ send: createSend(desk), token: desk.token }), [desk]);
  return (
    <AccessContext value={access}>
      {children}
      {question && <TokenPrompt refused={question.refused} onAnswer={question.settle} />}
    </AccessContext>
  );
}

/** How a component talks to the gateway. */
export function useAccess(): Access {
  const access = useContext(AccessContext);
  if (!access) throw new Error("useAccess needs a TokenProvider around it");
  return access;
}
