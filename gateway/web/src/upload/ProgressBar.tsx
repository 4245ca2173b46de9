import { useId } from "react";

export interface ProgressBarProps {
  /** What goes on: "Uploading". */
  readonly label: string;
  /** To what: "clip.mp4". It is read out with the label; to see it stands elsewhere. */
  readonly of?: string;
  /** 0 to 1; null while the progress is unknown. */
  readonly share: number | null;
}

/** How far something is. Screen readers find it, and are not told every step. */
export function ProgressBar({ label, of, share }: ProgressBarProps) {
  const id = useId();
  const percent = share === null ? null : Math.floor(Math.min(1, Math.max(0, share)) * 100);
  return (
    <div className="progress">
      <label htmlFor={id}>
        {label} {of !== undefined && <span className="visually-hidden">{of}</span>}
      </label>
      <progress id={id} max={100} {...(percent === null ? {} : { value: percent })} />
      {percent !== null && (
        <span className="progress-number" aria-hidden="true">
          {percent} %
        </span>
      )}
    </div>
  );
}
