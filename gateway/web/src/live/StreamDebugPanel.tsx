import { useEffect, useId, useState } from "react";

import { percent } from "./parts";
import { RoundTripPlot } from "./RoundTripPlot";
import { useRealtime } from "./useRealtime";

const REFRESH_MS = 500;

/** The measurements of the stream; hidden until the person asks for them. */
export function StreamDebugPanel() {
  const [shown, setShown] = useState(false);
  const id = useId();
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
          {shown ? "Hide the numbers" : "Show the numbers"}
        </button>
      </div>
      <section id={id} aria-label="Numbers of the stream" hidden={!shown}>
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
  const rows: [name: string, value: string][] = [
    ["Connection", state.status],
    ["Current FPS, sent", `${sentFps.toFixed(1)} of ${targetFps}`],
    ["Current FPS, answered", resultFps.toFixed(1)],
    ["Drop rate, last 60 frames", percent(dropRate)],
    ["Dropped frames", `${state.droppedFrames}`],
    ["Slow-down warnings", `${state.slowDownWarnings}`],
    ["Held back, not sent", `${heldBack}`],
    ["Round trip, p50", milliseconds(p50Ms)],
    ["Round trip, p95", milliseconds(p95Ms)],
    ["Of that, the model", milliseconds(state.lastResult?.result.timing_ms.inference ?? null)],
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
  return value === null ? "none yet" : `${Math.round(value)} ms`;
}
