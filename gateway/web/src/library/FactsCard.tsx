import type { ReactNode } from "react";

import { Card } from "../components/Card";
import { Copyable } from "../components/Copyable";
import { Link } from "../navigation";
import { day, moment, number, useWords, words } from "../words";
import type { LibraryCapture } from "./api";
import { queryOf, type Filters } from "./query";
import { length } from "./words";

/** What is known of a capture: who, when, how long, and its ids. */
export function FactsCard({ capture }: { readonly capture: LibraryCapture }) {
  const { participant, user_id, session_id, timestamp_start, recorded_at, duration_ms, frames, fps } = capture;
  const { facts } = useWords().libraryCapture;
  return (
    <Card title={facts.title}>
      <dl className="facts">
        <Fact name={facts.person}>
          <Listed filters={{ participant }}>{participant}</Listed>
          {participant !== user_id && facts.recordedAs(user_id)}
        </Fact>
        <Fact name={facts.session}>
          <Listed filters={{ session_id }}>
            <span className="code">{session_id}</span>
          </Listed>
        </Fact>
        <Fact name={facts.begun}>{moment(timestamp_start)}</Fact>
        <Fact name={facts.logged}>{moment(recorded_at)}</Fact>
        {capture.kept_until && <Fact name={facts.until}>{day(capture.kept_until)}</Fact>}
        <Fact name={facts.length}>{facts.pictures(length(duration_ms), frames)}</Fact>
        <Fact name={facts.rate}>{rates(capture, fps)}</Fact>
      </dl>
      <details className="folded">
        <summary>{facts.names}</summary>
        <dl className="facts">
          <Copyable name="capture_id" value={capture.capture_id} />
          <Copyable name="record_id" value={capture.record_id} />
        </dl>
      </details>
    </Card>
  );
}

function rates({ frames, duration_ms }: LibraryCapture, asked: number | null): string {
  const { facts } = words().libraryCapture;
  const real = duration_ms > 0 ? number((1000 * frames) / duration_ms, 1) : facts.unknown;
  return asked === null ? real : facts.asked(real, asked);
}

function Listed({ filters, children }: { readonly filters: Filters; readonly children: ReactNode }) {
  return <Link to={`/library${queryOf(filters)}`}>{children}</Link>;
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
