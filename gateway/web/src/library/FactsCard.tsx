import type { ReactNode } from "react";

import { Card } from "../components/Card";
import { Copyable } from "../components/Copyable";
import { Link } from "../navigation";
import type { LibraryCapture } from "./api";
import { queryOf, type Filters } from "./query";
import { length, moment } from "./words";

/** What is known of a capture: who, when, how long, and its ids. */
export function FactsCard({ capture }: { readonly capture: LibraryCapture }) {
  const { participant, user_id, session_id, timestamp_start, recorded_at, duration_ms, frames, fps } = capture;
  return (
    <Card title="What it is">
      <dl className="facts">
        <Fact name="Person">
          <Listed filters={{ participant }}>{participant}</Listed>
          {participant !== user_id && <> (recorded under {user_id})</>}
        </Fact>
        <Fact name="Session">
          <Listed filters={{ session_id }}>
            <span className="code">{session_id}</span>
          </Listed>
        </Fact>
        <Fact name="Begun">{moment(timestamp_start)}</Fact>
        <Fact name="In the log since">{moment(recorded_at)}</Fact>
        <Fact name="Length">
          {length(duration_ms)}, {frames === 1 ? "1 picture" : `${frames} pictures`}
        </Fact>
        <Fact name="Pictures a second">{rates(capture, fps)}</Fact>
      </dl>
      <details className="folded">
        <summary>Names</summary>
        <dl className="facts">
          <Copyable name="capture_id" value={capture.capture_id} />
          <Copyable name="record_id" value={capture.record_id} />
        </dl>
      </details>
    </Card>
  );
}

function rates({ frames, duration_ms }: LibraryCapture, asked: number | null): string {
  const real = duration_ms > 0 ? `${((1000 * frames) / duration_ms).toFixed(1)}` : "not known";
  return asked === null ? real : `${real}, ${asked} were asked for`;
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
