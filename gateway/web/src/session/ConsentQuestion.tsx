import { useId, useLayoutEffect, useRef, useState } from "react";

import type { Failure } from "../api/failure";
import type { ConsentText } from "../api/messages";
import { Button } from "../components/Button";
import { ErrorBanner } from "../components/ErrorBanner";
import { Markdown } from "../components/Markdown";
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
  useLayoutEffect(() => heading.current?.focus(), []); // the button that had the focus is gone
  return (
    <section className="consent stack" aria-labelledby={`${id}-title`}>
      <h3 id={`${id}-title`} ref={heading} tabIndex={-1}>
        First, a question
      </h3>
      <p>Read this together, or read it aloud.</p>
      <div className="consent-text">
        <Markdown text={shown.text} top={4} />
      </div>
      <fieldset className="choices">
        <legend>Who answers?</legend>
        {WHO.map((each) => (
          <label className="choice" key={each.givenBy}>
            <input
              type="radio"
              name={`${id}-who`}
              checked={givenBy === each.givenBy}
              onChange={() => setGivenBy(each.givenBy)}
            />
            {each.words}
          </label>
        ))}
      </fieldset>
      <ErrorBanner failure={failure} />
      <div className="actions">
        <Button
          busy={busy}
          blocked={givenBy ? undefined : "Say first who answers."}
          onClick={() => givenBy && onConsent({ text: shown.hash, givenBy })}
        >
          Yes, start the session
        </Button>
        <Button onClick={busy ? undefined : onNo}>No, do not record</Button>
      </div>
      <div className="consent-else stack">
        {!shown.required && (
          <p>
            No answer now? You can go on without one. The recordings are kept, but exports leave them out unless the
            study includes them on purpose.
          </p>
        )}
        <div className="actions">
          {!shown.required && (
            <Button tone="quiet" busy={busy} onClick={() => onConsent(null)}>
              Go on without an answer
            </Button>
          )}
          <Button tone="quiet" onClick={busy ? undefined : onBack}>
            Back
          </Button>
        </div>
      </div>
    </section>
  );
}
