import { Fragment, useEffect, useRef, type ReactNode } from "react";

import { Copyable } from "../components/Copyable";
import { useWords } from "../words";
import { CaptureNumbers } from "./CaptureNumbers";
import { LandmarkPicture } from "./LandmarkPicture";
import { doubts, facts } from "./quality";
import type { Capture } from "./useCapture";
import { Verdict, type VerdictProps } from "./Verdict";

export interface CaptureResultProps {
  readonly capture: Capture;
  /** Takes the person's verdict. */
  readonly onReview: VerdictProps["onReview"];
  /** Records another capture with the same meaning. */
  readonly onAgain: (() => void) | undefined;
  /** A sentence that says why that is not possible now. */
  readonly againBlocked: string | undefined;
}

/** The result of a finished capture: what may be wrong with it, its picture, its numbers and ids. */
export function CaptureResult({ capture, onReview, onAgain, againBlocked }: CaptureResultProps) {
  const { window: made, state } = capture;
  const recorded = state.phase === "recorded";
  const heading = useRef<HTMLHeadingElement>(null);
  const { result } = useWords().capture;

  useEffect(() => {
    if (!recorded) return;
    heading.current?.focus({ preventScroll: true });
    heading.current?.closest("section")?.scrollIntoView({ block: "start" });
  }, [recorded]);

  return (
    <section className="card stack" aria-labelledby="result-title">
      <h2 id="result-title" ref={heading} tabIndex={-1}>
        {result.title}
      </h2>
      {recorded && (
        <Fragment key={made.captureId}>
          <Verdict
            line={facts(made.intent, state)}
            doubts={doubts(state)}
            intent={made.intent}
            onReview={onReview}
            onAgain={onAgain}
            againBlocked={againBlocked}
          />
          <LandmarkPicture captureId={made.captureId} />
        </Fragment>
      )}
      <Folded title={result.numbers}>
        <CaptureNumbers state={state} />
        <dl className="facts">
          <Copyable name="record_id" value={made.recordId} />
          <Copyable name="capture_id" value={made.captureId} />
          {state.hash && <Copyable name={result.hash} value={state.hash} hint={result.hashHint} />}
        </dl>
      </Folded>
    </section>
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
