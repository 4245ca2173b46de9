import { useEffect, useRef, type ReactNode } from "react";

import { Button } from "../components/Button";
import { Copyable } from "../components/Copyable";
import { CaptureNumbers } from "./CaptureNumbers";
import { LandmarkPicture } from "./LandmarkPicture";
import type { Capture } from "./useCapture";
import { doubts, facts } from "./verdict";

export interface CaptureResultProps {
  readonly capture: Capture;
  /** Records another capture with the same meaning. */
  readonly onAgain: (() => void) | undefined;
  /** A sentence that says why that is not possible now. */
  readonly againBlocked: string | undefined;
}

/** The result of a finished capture: what may be wrong with it, its picture, its numbers and ids. */
export function CaptureResult({ capture, onAgain, againBlocked }: CaptureResultProps) {
  const { window: made, state } = capture;
  const recorded = state.phase === "recorded";
  const heading = useRef<HTMLHeadingElement>(null);

  useEffect(() => {
    if (!recorded) return;
    heading.current?.focus({ preventScroll: true });
    heading.current?.closest("section")?.scrollIntoView({ block: "start" });
  }, [recorded]);

  const against = doubts(state);
  return (
    <section className="card stack" aria-labelledby="result-title">
      <h2 id="result-title" ref={heading} tabIndex={-1}>
        What was recorded
      </h2>
      {recorded && <Verdict line={facts(made.intent, state)} against={against} />}
      {recorded && (
        <div className="actions">
          <Button tone={against.length > 0 ? "primary" : "quiet"} blocked={againBlocked} onClick={onAgain}>
            {made.intent ? `Capture “${made.intent}” again` : "Capture again"}
          </Button>
        </div>
      )}
      {recorded && <LandmarkPicture key={made.captureId} captureId={made.captureId} />}
      <Folded title="Numbers and names">
        <CaptureNumbers state={state} />
        <dl className="facts">
          <Copyable name="record_id" value={made.recordId} />
          <Copyable name="capture_id" value={made.captureId} />
          {state.hash && (
            <Copyable
              name="Artifact hash"
              value={state.hash}
              hint="A fingerprint of the file with the landmarks. If the file changes, so does the hash."
            />
          )}
        </dl>
      </Folded>
    </section>
  );
}

function Verdict({ line, against }: { readonly line: string; readonly against: readonly string[] }) {
  if (against.length === 0) return <p className="verdict verdict-good">{line}</p>;
  return (
    <div className="verdict verdict-doubt">
      <p>{line}</p>
      <p>Recorded, but:</p>
      <ul>
        {against.map((doubt) => (
          <li key={doubt}>{doubt}</li>
        ))}
      </ul>
    </div>
  );
}

function Folded({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <details className="folded">
      <summary>{title}</summary>
      <div className="stack">{children}</div>
    </details>
  );
}
