import { useEffect, useLayoutEffect, useRef, useState } from "react";

import { identifierFault } from "../api/header";
import { Button } from "../components/Button";
import { Card } from "../components/Card";
import { ErrorBanner } from "../components/ErrorBanner";
import { Field } from "../components/Field";
import { StatusText, type Tone } from "../components/StatusText";
import { useWords } from "../words";
import { consentLine } from "./consent";
import { ConsentQuestion } from "./ConsentQuestion";
import { ownPerson, PersonField, useOwnPeople } from "./PersonField";
import { remembered } from "./remembered";
import { useConsentText } from "./useConsentText";
import { useSession, type People, type SessionHandle } from "./useSession";

export interface SessionCardProps {
  /** A sentence that says why the session cannot be ended now. */
  readonly endBlocked?: string | undefined;
}

/** Asks for consent, starts and ends the session, and shows it. */
export function SessionCard({ endBlocked }: SessionCardProps) {
  const handle = useSession();
  const { session: words } = useWords();
  const { session, people, pending, failure, start, end, dismiss, check } = handle;
  const question = useConsentText();
  const { close } = question;
  const shown = session ? null : question.shown;
  const [typed, setTyped] = useState<Partial<People>>({});
  const [refused, setRefused] = useState(false);
  const outcome = useOutcomeFocus(shown !== null);
  const locked = session !== null || pending !== null || shown !== null;
  const { userId: named, performerId } = session || pending ? people : { ...people, ...typed };
  const userId = ownPerson(useOwnPeople(), named);
  const [userFault, performerFault] = [identifierFault(userId), identifierFault(performerId)];

  useEffect(() => void check(), [check]);
  useEffect(() => {
    if (session) close();
  }, [session, close]);

  function startBlocked(): string | undefined {
    if (session) return words.open;
    if (userId === "" || performerId === "") return words.namesFirst;
    return userFault || performerFault ? words.correctFirst : undefined;
  }

  function ask() {
    setRefused(false);
    dismiss(); // it would be read as belonging to the question
    void question.ask();
  }

  function leave({ no }: { readonly no: boolean }) {
    setRefused(no);
    dismiss();
    close();
  }

  return (
    <Card title={words.title}>
      {!shown && <ErrorBanner failure={question.failure ?? failure} />}
      <div className="fields">
        <PersonField
          label={words.user.label}
          hint={words.user.hint}
          value={userId}
          onChange={locked ? undefined : (text) => setTyped({ ...typed, userId: text })}
          error={userFault}
          suggestions={remembered("people")}
          maxLength={128}
          required
        />
        <Field
          label={words.performer.label}
          hint={words.performer.hint}
          value={performerId}
          onChange={locked ? undefined : (text) => setTyped({ ...typed, performerId: text })}
          error={performerFault}
          suggestions={remembered("performers")}
          maxLength={128}
          required
        />
      </div>
      {shown ? (
        <ConsentQuestion
          shown={shown}
          busy={pending === "start"}
          failure={failure}
          onConsent={(consent) => void start(userId, performerId, consent)}
          onNo={() => leave({ no: true })}
          onBack={() => leave({ no: false })}
        />
      ) : (
        <div className="actions">
          <Button busy={question.pending || pending === "start"} blocked={startBlocked()} onClick={ask}>
            {words.start}
          </Button>
          <Button
            tone="quiet"
            busy={pending === "end"}
            blocked={session ? endBlocked : words.none}
            onClick={() => void end()}
          >
            {words.end}
          </Button>
        </div>
      )}
      <div className="stack" ref={outcome} tabIndex={-1}>
        {refused && !session && <Refused />}
        <SessionStatus handle={handle} asking={shown !== null} />
        {session?.consent !== undefined && (
          <p>
            {words.consent} {consentLine(session.consent)}
          </p>
        )}
      </div>
      {!shown && <Field label="session_id" value={session?.sessionId ?? ""} placeholder={words.noId} mono />}
    </Card>
  );
}

/**
 * Returns a ref to what a closed question has led to. If the focus was on a button that is gone, that gets it; a person who
 * went on to another field meanwhile keeps it. In a layout effect, because a person may type as soon as the change is seen.
 */
function useOutcomeFocus(open: boolean) {
  const outcome = useRef<HTMLDivElement>(null);
  const was = useRef(open);
  useLayoutEffect(() => {
    if (was.current && !open && document.activeElement === document.body) outcome.current?.focus();
    was.current = open;
  }, [open]);
  return outcome;
}

function Refused() {
  const { refused } = useWords().session;
  return (
    <div className="consent-no">
      <p>
        <strong>{refused.title}</strong>
      </p>
      <p>{refused.text}</p>
    </div>
  );
}

interface SessionStatusProps {
  readonly handle: SessionHandle;
  readonly asking: boolean;
}

function SessionStatus({ handle: { status, pending }, asking }: SessionStatusProps) {
  const { status: words } = useWords().session;
  const tone: Tone = pending ? "busy" : status;
  const resting = asking && status === "idle" ? words.asking : words[status];
  const shown = pending === "start" ? words.starting : pending === "end" ? words.ending : resting;
  return (
    <StatusText label={words.label} tone={tone}>
      {shown}
    </StatusText>
  );
}
