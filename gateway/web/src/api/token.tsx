import { createContext, useContext, useEffect, useMemo, useState, useSyncExternalStore, type ReactNode } from "react";

import { TokenPrompt } from "../components/TokenPrompt";
import { createSend, type Send } from "./http";
import { takeCode } from "./signInCode";
import { may, type Right } from "./signedIn";
import { TokenStore, type Visitor } from "./tokenStore";

interface Access {
  readonly send: Send;
  /** The current token, for a WebSocket; null if the page has not asked for one yet. */
  readonly token: () => string | null;
  /** Finds out who uses the page; see `TokenStore`. */
  readonly enter: (asks: boolean) => Promise<void>;
  readonly store: TokenStore;
}

const AccessContext = createContext<Access | null>(null);

function signInByAddress(store: TokenStore): void {
  const code = takeCode();
  if (code !== null) store.signInWith(code);
}

/** Lets components send requests to the gateway, and asks the person for the token when the gateway needs it. */
export function TokenProvider({ children }: { readonly children: ReactNode }) {
  const [store] = useState(() => {
    const made = new TokenStore();
    signInByAddress(made); // before a page sends its first request
    return made;
  });
  useEffect(() => {
    const look = () => signInByAddress(store); // another code was scanned, and the browser showed it in this tab
    window.addEventListener("hashchange", look);
    return () => window.removeEventListener("hashchange", look);
  }, [store]);
  const question = useSyncExternalStore(store.subscribe, store.question);
  const access = useMemo<Access>(
    () => ({ send: createSend(store), token: store.token, enter: store.enter, store }),
    [store],
  );
  return (
    <AccessContext value={access}>
      {children}
      {question && <TokenPrompt question={question} />}
    </AccessContext>
  );
}

/** The functions with which a component talks to the gateway. */
export function useAccess(): Access {
  const access = useContext(AccessContext);
  if (!access) throw new Error("useAccess needs a TokenProvider around it");
  return access;
}

/** What the person may do, as far as the page knows: all, until the server has said who they are. */
export function useMay(): (right: Right) => boolean {
  const { who } = useVisitor();
  return (right) => who === null || may(who, right);
}

/** Who uses the page, as far as it knows. The component renders again when that changes. */
export function useVisitor(): Visitor {
  const { store } = useAccess();
  return useSyncExternalStore(store.subscribe, store.visitor);
}
