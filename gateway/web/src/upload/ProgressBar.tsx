import { useId } from "react";

import { percent } from "../words";

export interface ProgressBarProps {
  /** The action, for example "Uploading". */
  readonly label: string;
  /** Its object, for example "clip.mp4", for screen readers only: the page shows it elsewhere. */
  readonly of?: string;
  /** 0 to 1; null while the progress is unknown. */
  readonly share: number | null;
}

/** A progress bar with a label. Screen readers can find it, but do not announce every step. */
export function ProgressBar({ label, of, share }: ProgressBarProps) {
  const id = useId();
  const whole = share === null ? null : Math.floor(Math.min(1, Math.max(0, share)) * 100);
  return (
    <div className="progress">
      <label htmlFor={id}>
        {label} {of !== undefined && <span className="visually-hidden">{of}</span>}
      </label>
      <progress id={id} max={100} {...(whole === null ? {} : { value: whole })} />
      {whole !== null && (
        <span className="progress-number" aria-hidden="true">
          {percent(whole / 100)}
        </span>
      )}
    </div>
  );
}
