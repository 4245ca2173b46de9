import { useId, type ReactNode } from "react";

import { DEFAULT_LIMITS } from "./limits";
import type { CaptureState } from "./protocol";
import { clock, percent } from "./words";

export interface CaptureNumbersProps {
  /** Null shows dashes. */
  readonly state: CaptureState | null;
}

/** The numbers of a capture. Screen readers do not announce them, because they change all the time. */
export function CaptureNumbers({ state }: CaptureNumbersProps) {
  return (
    <div className="stack">
      <dl className="numbers">
        <Entry name="Time">
          {state ? clock(state.elapsedMs) : "–"}{" "}
          <span className="of">of {clock(1000 * (state?.limits ?? DEFAULT_LIMITS).max_duration_s)}</span>
        </Entry>
        <Entry name="Pictures sent">{state?.sent ?? "–"}</Entry>
        <Entry name="Pictures looked at">{state?.extracted ?? "–"}</Entry>
        <Entry name="Pictures waiting">{state?.backlog ?? "–"}</Entry>
      </dl>
      <div className="found">
        <h3>Found in the pictures</h3>
        <Share name="Body" state={state} found={state?.found.pose} />
        <Share name="Face" state={state} found={state?.found.face} />
        <Share name="Left hand" state={state} found={state?.found.left_hand} />
        <Share name="Right hand" state={state} found={state?.found.right_hand} />
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
  const share = state && found !== undefined ? percent(found, state) : null;
  return (
    <div className="share">
      <span id={id}>{name}</span>
      <div
        className="meter"
        role="meter"
        aria-labelledby={id}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={share ?? 0}
        aria-valuetext={share === null ? "not known yet" : `${share} %`}
      >
        <span style={{ width: `${share ?? 0}%` }} />
      </div>
      <span className="share-number" aria-hidden="true">
        {share === null ? "–" : `${share} %`}
      </span>
    </div>
  );
}
