import { useEffect, useState } from "react";

import { identifierFault } from "../api/header";
import { Button } from "../components/Button";
import { Card } from "../components/Card";
import { ErrorBanner } from "../components/ErrorBanner";
import { Field } from "../components/Field";
import { StatusText, type Tone } from "../components/StatusText";
import { remembered } from "./remembered";
import { useSession, type People, type SessionHandle } from "./useSession";

export const NO_SESSION = "Start a session first.";

export interface SessionCardProps {
  /** A sentence that says why the session cannot be ended now. */
  readonly endBlocked?: string | undefined;
}

/** Starts and ends the session, and shows it. */
export function SessionCard({ endBlocked }: SessionCardProps) {
  const handle = useSession();
  const { session, people, pending, failure, start, end, check } = handle;
  const [typed, setTyped] = useState<Partial<People>>({});
  const locked = session !== null || pending !== null;
  const { userId, performerId } = locked ? people : { ...people, ...typed };
  const [userFault, performerFault] = [identifierFault(userId), identifierFault(performerId)];

  useEffect(() => void check(), [check]);

  function startBlocked(): string | undefined {
    if (session) return "A session is already open.";
    if (userId === "" || performerId === "") return "Enter first who is in the session, and who you are.";
    return userFault || performerFault ? "Correct the names above first." : undefined;
  }

  return (
    <Card title="Session">
      <ErrorBanner failure={failure} />
      <div className="fields">
        <Field
          label="Person in the session (user_id)"
          hint="A short name or number. Not a real name."
          value={userId}
          onChange={locked ? undefined : (text) => setTyped({ ...typed, userId: text })}
          error={userFault}
          suggestions={remembered("people")}
          maxLength={128}
          required
        />
        <Field
          label="You (performer_id)"
          hint="The person who presses the buttons."
          value={performerId}
          onChange={locked ? undefined : (text) => setTyped({ ...typed, performerId: text })}
          error={performerFault}
          suggestions={remembered("performers")}
          maxLength={128}
          required
        />
      </div>
      <div className="actions">
        <Button busy={pending === "start"} blocked={startBlocked()} onClick={() => void start(userId, performerId)}>
          Start Session
        </Button>
        <Button
          tone="quiet"
          busy={pending === "end"}
          blocked={session ? endBlocked : NO_SESSION}
          onClick={() => void end()}
        >
          End Session
        </Button>
      </div>
      <SessionStatus handle={handle} />
      <Field label="session_id" value={session?.sessionId ?? ""} placeholder="none yet" mono />
    </Card>
  );
}

function SessionStatus({ handle: { status, pending } }: { readonly handle: SessionHandle }) {
  const tone: Tone = pending ? "busy" : status;
  const words = pending === "start" ? "starting" : pending === "end" ? "ending" : status;
  return (
    <StatusText label="Status" tone={tone}>
      {words}
    </StatusText>
  );
}
