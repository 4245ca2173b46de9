import { useEffect, useId, useState } from "react";

import { number, percent, useWords, words } from "../words";
import { RoundTripPlot } from "./RoundTripPlot";
import { useRealtime } from "./useRealtime";

const REFRESH_MS = 500;

/** The measurements of the stream; hidden until the person asks for them. */
export function StreamDebugPanel() {
  const [shown, setShown] = useState(false);
  const id = useId();
  const { numbers } = useWords().live;
  return (
    <div className="stack">
      <div>
        <button
          type="button"
          className="button button-quiet"
          aria-expanded={shown}
          aria-controls={id}
          onClick={() => setShown(!shown)}
        >
          {shown ? numbers.hide : numbers.show}
        </button>
      </div>
      <section id={id} aria-label={numbers.label} hidden={!shown}>
        {shown && <Numbers />}
      </section>
    </div>
  );
}

function Numbers() {
  const { client, state } = useRealtime();
  const [metrics, setMetrics] = useState(() => client.metrics());
  useEffect(() => {
    const timer = setInterval(() => setMetrics(client.metrics()), REFRESH_MS);
    return () => clearInterval(timer);
  }, [client]);
  const { sentFps, targetFps, resultFps, dropRate, heldBack, roundTripsMs, p50Ms, p95Ms } = metrics;
  const { numbers } = useWords().live;
  const rows: [name: string, value: string][] = [
    [numbers.connection, numbers[state.status]],
    [numbers.sent, numbers.sentOf(number(sentFps, 1), targetFps)],
    [numbers.answered, number(resultFps, 1)],
    [numbers.dropRate, percent(dropRate)],
    [numbers.dropped, number(state.droppedFrames)],
    [numbers.slowDown, number(state.slowDownWarnings)],
    [numbers.heldBack, number(heldBack)],
    [numbers.p50, milliseconds(p50Ms)],
    [numbers.p95, milliseconds(p95Ms)],
    [numbers.model, milliseconds(state.lastResult?.result.timing_ms.inference ?? null)],
  ];
  return (
    <div className="live-numbers">
      <dl>
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <RoundTripPlot roundTripsMs={roundTripsMs} p50Ms={p50Ms} p95Ms={p95Ms} />
    </div>
  );
}

function milliseconds(value: number | null): string {
  const { numbers } = words().live;
  return value === null ? numbers.none : numbers.ms(value);
}
