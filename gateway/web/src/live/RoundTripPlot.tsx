import { useWords } from "../words";
import type { RealtimeMetrics } from "./RealtimeClient";

const WIDTH = 320;
const HEIGHT = 96;
const PAD = 6;
const LEAST_TOP_MS = 100;

/** A plot of the last round trips, the newest on the right. */
export function RoundTripPlot({
  roundTripsMs,
  p50Ms,
  p95Ms,
}: Pick<RealtimeMetrics, "roundTripsMs" | "p50Ms" | "p95Ms">) {
  const { numbers } = useWords().live;
  const topMs = Math.max(LEAST_TOP_MS, ...roundTripsMs);
  const y = (ms: number) => HEIGHT - PAD - (ms / topMs) * (HEIGHT - 2 * PAD);
  const step = (WIDTH - 2 * PAD) / Math.max(1, roundTripsMs.length - 1);
  const line = roundTripsMs.map((ms, at) => `${(PAD + at * step).toFixed(1)},${y(ms).toFixed(1)}`).join(" ");
  return (
    <figure className="live-plot">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={numbers.plot}>
        <line className="live-plot-axis" x1={PAD} x2={WIDTH - PAD} y1={HEIGHT - PAD} y2={HEIGHT - PAD} />
        {p50Ms !== null && <Level y={y(p50Ms)} />}
        {p95Ms !== null && <Level y={y(p95Ms)} />}
        <polyline className="live-plot-line" points={line} />
      </svg>
      <figcaption>{numbers.caption(roundTripsMs.length, topMs)}</figcaption>
    </figure>
  );
}

function Level({ y }: { readonly y: number }) {
  return <line className="live-plot-level" x1={PAD} x2={WIDTH - PAD} y1={y} y2={y} />;
}
