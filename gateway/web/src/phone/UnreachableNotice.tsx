import { useSyncExternalStore } from "react";

import { Button } from "../components/Button";
import { useWords } from "../words";
import { reach } from "./reach";

/** Says in plain words that the gateway cannot be reached, until it can. */
export function UnreachableNotice({ from = reach }) {
  const state = useSyncExternalStore(from.subscribe, from.state);
  const { text, again } = useWords().phone.unreachable;
  if (state === "reached") return null;
  return (
    <div role="alert" className="banner banner-warning">
      <p className="banner-text">{text}</p>
      <div className="actions">
        <Button tone="quiet" busy={state === "asking"} onClick={() => void from.ask()}>
          {again}
        </Button>
      </div>
    </div>
  );
}
