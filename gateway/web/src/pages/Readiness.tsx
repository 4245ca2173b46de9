import { useEffect, useState } from "react";

import { readiness, type Readiness as Answer } from "../api/readiness";
import { Button } from "../components/Button";
import { ErrorBanner } from "../components/ErrorBanner";
import { StatusText } from "../components/StatusText";
import { useWords } from "../words";

/** Shows whether every part of the server runs; asks once, and again when the person presses the button. */
export function Readiness() {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const { server } = useWords().home;

  useEffect(() => {
    void readiness().then(setAnswer);
  }, []);

  function again() {
    setAnswer(null);
    void readiness().then(setAnswer);
  }

  const missing = answer && "missing" in answer ? answer.missing : [];
  return (
    <div className="stack">
      <ReadinessStatus answer={answer} />
      {missing.length > 0 && (
        <ul>
          {missing.map((sentence) => (
            <li key={sentence} lang="en">
              {sentence}
            </li>
          ))}
        </ul>
      )}
      <ErrorBanner failure={answer && "failure" in answer ? answer.failure : null} />
      <div className="actions">
        <Button tone="quiet" busy={answer === null} onClick={again}>
          {server.again}
        </Button>
      </div>
    </div>
  );
}

function ReadinessStatus({ answer }: { readonly answer: Answer | null }) {
  const { server } = useWords().home;
  const [tone, words] =
    answer === null
      ? (["busy", server.checking] as const)
      : "failure" in answer
        ? (["error", server.unreachable] as const)
        : answer.missing.length > 0
          ? (["warning", server.notReady] as const)
          : (["active", server.ready] as const);
  return (
    <StatusText label={server.label} tone={tone}>
      {words}
    </StatusText>
  );
}
