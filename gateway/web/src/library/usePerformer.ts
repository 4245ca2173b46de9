import { useState } from "react";

import { identifierFault } from "../api/header";
import { remember, remembered } from "../session/remembered";
import { useSession } from "../session/useSession";
import { useWords } from "../words";

export interface Performer {
  /** The id under which the log keeps what this person says; empty if it is not known yet. */
  readonly id: string;
  readonly fault: string | undefined;
  /** A sentence that says why nothing can be said yet; undefined if it can. */
  readonly blocked: string | undefined;
  readonly set: (id: string) => void;
  /** Remembers the id for this tab; call it when it is used. */
  readonly used: () => void;
}

/** The person who judges: the one who started the last session in this tab, unless they enter another id. */
export function usePerformer(): Performer {
  const { people } = useSession();
  const [typed, setTyped] = useState<string | null>(null);
  const id = typed ?? (people.performerId || remembered("performers")[0] || "");
  const fault = identifierFault(id);
  const { performer } = useWords().library;
  return {
    id,
    fault,
    blocked: id === "" ? performer.first : fault && performer.correct,
    set: setTyped,
    used: () => remember("performers", id),
  };
}
