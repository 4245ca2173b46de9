import { useId, useLayoutEffect, useRef, useState } from "react";

import type { Failure } from "../api/failure";
import type { ConsentText } from "../api/messages";
import { Button } from "../components/Button";
import { ErrorBanner } from "../components/ErrorBanner";
import { Markdown } from "../components/Markdown";
import { useWords } from "../words";
import { WHO, type Consent, type GivenBy } from "./consent";

export interface ConsentQuestionProps {
  readonly shown: ConsentText;
  /** Whether the session is being started. */
  readonly busy: boolean;
  /** Why it could not be started. */
  readonly failure: Failure | null;
  /** The person said yes, or, if the server allows that, went on without an answer. */
  readonly onConsent: (consent: Consent) => void;
  readonly onNo: () => void;
  /** Closes the question without an answer. */
  readonly onBack: () => void;
}

/** The study's text, and the question whether the person agrees. Nothing is chosen beforehand. */
export function ConsentQuestion({ shown, busy, failure, onConsent, onNo, onBack }: ConsentQuestionProps) {
  const [givenBy, setGivenBy] = useState<GivenBy | null>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const id = useId();
  const { question } = useWords().session;
  useLayoutEffect(() => heading.current?.focus(), []); // the button that had the focus is gone
  return (
    <section className="consent stack" aria-labelledby={`${id}-title`}>
      <h3 id={`${id}-title`} ref={heading} tabIndex={-1}>
        {question.title}
      </h3>
      <p>{question.hint}</p>
      <div className="consent-text">
        <Markdown text={shown.text} top={4} />
      </div>
      {typeof shown.retention_days === "number" && <p>{question.keptFor(shown.retention_days)}</p>}
      <fieldset className="choices">
        <legend>{question.who}</legend>
        {WHO.map((each) => (
          <label className="choice" key={each}>
            <input type="radio" name={`${id}-who`} checked={givenBy === each} onChange={() => setGivenBy(each)} />
            {question[each]}
          </label>
        ))}
      </fieldset>
      <ErrorBanner failure={failure} />
      <div className="actions">
        <Button
          busy={busy}
          blocked={givenBy ? undefined : question.whoFirst}
          onClick={() => givenBy && onConsent({ text: shown.hash, givenBy })}
        >
          {question.yes}
        </Button>
        <Button onClick={busy ? undefined : onNo}>{question.no}</Button>
      </div>
      <div className="consent-else stack">
        {!shown.required && <p>{question.later}</p>}
        <div className="actions">
          {!shown.required && (
            <Button tone="quiet" busy={busy} onClick={() => onConsent(null)}>
              {question.without}
            </Button>
          )}
          <Button tone="quiet" onClick={busy ? undefined : onBack}>
            {question.back}
          </Button>
        </div>
      </div>
    </section>
  );
}
