import { useState } from "react";

import { isIdentifier } from "../api/header";
import { Button } from "../components/Button";
import { Card } from "../components/Card";
import { ErrorBanner } from "../components/ErrorBanner";
import { Field } from "../components/Field";
import { StatusText, type Tone } from "../components/StatusText";
import { useSession, type SessionHandle } from "./useSession";

const WRONG_ID = "Use letters, digits, dots, dashes and underscores, without spaces, and no dot at the start.";
export const NO_SESSION = "Start a session first.";

export interface SessionCardProps {
  /** Why the session cannot be ended now, as a sentence. */
  readonly endBlocked?: string | undefined;
}

/** Starts and ends the session, and shows it. */
export function SessionCard({ endBlocked }: SessionCardProps) {
  const handle = useSession();
  const { session, pending, failure, start, end } = handle;
  const [userId, setUserId] = useState("demo-user");
  const [performerId, setPerformerId] = useState("demo-carer");
  const locked = session !== null || pending !== null;
  const wrong = !isIdentifier(userId) || !isIdentifier(performerId);
  return (
    <Card title="Session">
      <ErrorBanner failure={failure} />
      <div className="fields">
        <Field
          label="Person in the session (user_id)"
          hint="A short name or number. Not a real name."
          value={userId}
          onChange={locked ? undefined : setUserId}
          error={isIdentifier(userId) ? undefined : WRONG_ID}
          maxLength={128}
        />
        <Field
          label="You (performer_id)"
          hint="Who presses the buttons."
          value={performerId}
          onChange={locked ? undefined : setPerformerId}
          error={isIdentifier(performerId) ? undefined : WRONG_ID}
          maxLength={128}
        />
      </div>
      <div className="actions">
        <Button
          busy={pending === "start"}
          blocked={session ? "A session is open already." : wrong ? "Correct the names above first." : undefined}
          onClick={() => void start(userId, performerId)}
        >
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
