import { useCallback, useEffect, useRef, useState } from "react";

import { rememberedFlag, rememberFlag } from "../session/remembered";
import { actionOf, type KeyAction } from "./reviewKeys";

const FLAG = "review-keys";

/** Calls `act` for the keys of `REVIEW_KEYS`, as long as they are on. The tab keeps whether they are. */
export function useReviewKeys(act: (action: KeyAction) => void) {
  const [on, setOn] = useState(() => rememberedFlag(FLAG, true));
  const latest = useRef(act);
  useEffect(() => {
    latest.current = act;
  });

  useEffect(() => {
    if (!on) return undefined;
    const press = (event: KeyboardEvent) => {
      const action = actionOf(event, document.querySelector("dialog[open]") !== null);
      if (!action) return;
      event.preventDefault(); // else a field that the action opens would get the character
      latest.current(action);
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [on]);

  const turn = useCallback((to: boolean) => {
    rememberFlag(FLAG, to);
    setOn(to);
  }, []);
  return { on, turn };
}
