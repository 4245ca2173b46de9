import { Card } from "../components/Card";
import { addressOf } from "../library/api";
import { queryOf } from "../library/query";
import { Link } from "../navigation";
import type { Captured } from "../session/remembered";
import { useWords } from "../words";

export interface SessionCapturesProps {
  readonly sessionId: string | undefined;
  readonly captures: readonly Captured[];
}

/** The recorded captures of the open session, one line each, with the way to their pages. */
export function SessionCaptures({ sessionId, captures }: SessionCapturesProps) {
  const { session: words } = useWords().capture;
  if (sessionId === undefined || captures.length === 0) return null;
  const query = queryOf({ session_id: sessionId });
  return (
    <Card title={words.title}>
      <ol className="captures">
        {captures.map(({ captureId, line }) => (
          <li key={captureId}>
            {line}{" "}
            <Link to={addressOf({ capture_id: captureId }, query)}>
              {words.look}
              <span className="visually-hidden">: {line}</span>
            </Link>
          </li>
        ))}
      </ol>
      <p>
        <Link to={`/library${query}`}>{words.all}</Link>
      </p>
    </Card>
  );
}
