import { useId, type ReactNode } from "react";

import { percent, useWords } from "../words";
import { DEFAULT_LIMITS } from "./limits";
import type { CaptureState } from "./protocol";
import { clock, foundShare } from "./words";

export interface CaptureNumbersProps {
  /** Null shows dashes. */
  readonly state: CaptureState | null;
}

/** The numbers of a capture. Screen readers do not announce them, because they change all the time. */
export function CaptureNumbers({ state }: CaptureNumbersProps) {
  const { capture, common } = useWords();
  const { result } = capture;
  return (
    <div className="stack">
      <dl className="numbers">
        <Entry name={result.time}>
          {state ? clock(state.elapsedMs) : "–"}{" "}
          <span className="of">{result.of(clock(1000 * (state?.limits ?? DEFAULT_LIMITS).max_duration_s))}</span>
        </Entry>
        <Entry name={result.sent}>{state?.sent ?? "–"}</Entry>
        <Entry name={result.extracted}>{state?.extracted ?? "–"}</Entry>
        <Entry name={result.waiting}>{state?.backlog ?? "–"}</Entry>
      </dl>
      <div className="found">
        <h3>{result.found}</h3>
        {(["pose", "face", "left_hand", "right_hand"] as const).map((part) => (
          <Share key={part} name={common.parts[part]} state={state} found={state?.found[part]} />
        ))}
      </div>
    </div>
  );
}

function Entry({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

interface ShareProps {
  readonly name: string;
  readonly state: CaptureState | null;
  readonly found: number | undefined;
}

function Share({ name, state, found }: ShareProps) {
  const id = useId();
  const { result } = useWords().capture;
  const share = state && found !== undefined ? foundShare(found, state) : null;
  return (
    <div className="share">
      <span id={id}>{name}</span>
      <div
        className="meter"
        role="meter"
        aria-labelledby={id}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(100 * (share ?? 0))}
        aria-valuetext={share === null ? result.unknown : percent(share)}
      >
        <span style={{ width: `${100 * (share ?? 0)}%` }} />
      </div>
      <span className="share-number" aria-hidden="true">
        {share === null ? "–" : percent(share)}
      </span>
    </div>
  );
}
