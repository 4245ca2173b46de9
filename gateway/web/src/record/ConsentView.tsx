import { useState } from "react";

import { Button } from "../components/Button";
import { setQuery } from "../navigation";
import { ConsentQuestion } from "../session/ConsentQuestion";
import { useWords } from "../words";
import { Icon } from "./Icon";
import type { SittingHandle } from "./useSitting";

/** Asks for consent with the study's own text, and starts the session of the sitting. */
export function ConsentView({ flow, session, agree }: Pick<SittingHandle, "flow" | "session" | "agree">) {
  const { record } = useWords();
  const [refused, setRefused] = useState(false);
  if (refused) {
    return (
      <div className="stack">
        <p className="consent-no">{record.refused}</p>
        <div className="record-controls">
          <Button onClick={() => setRefused(false)}>
            <Icon name="again" /> {record.ask}
          </Button>
          <Button tone="quiet" onClick={() => setQuery("")}>
            {record.choose.other}
          </Button>
        </div>
      </div>
    );
  }
  return (
    <>
      <h2 className="visually-hidden">{record.consent}</h2>
      <ConsentQuestion
        shown={flow.study.consent}
        busy={session.pending !== null}
        failure={session.failure}
        onConsent={(consent) => void agree(consent)}
        onNo={() => {
          session.dismiss();
          setRefused(true);
        }}
        onBack={() => {
          session.dismiss();
          setQuery("");
        }}
      />
    </>
  );
}
