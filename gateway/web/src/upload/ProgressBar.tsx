import { useId } from "react";

export interface ProgressBarProps {
  /** What goes on: "Uploading clip.mp4". */
  readonly label: string;
  /** 0 to 1; null while nobody can tell. */
  readonly share: number | null;
}

/** How far something is. Screen readers find it, and are not told every step. */
export function ProgressBar({ label, share }: ProgressBarProps) {
  const id = useId();
  const percent = share === null ? null : Math.floor(Math.min(1, Math.max(0, share)) * 100);
  return (
    <div className="progress">
      <label htmlFor={id}>{label}</label>
      <progress id={id} max={100} {...(percent === null ? {} : { value: percent })} />
      {percent !== null && (
        <span className="progress-number" aria-hidden="true">
          {percent} %
        </span>
      )}
    </div>
  );
}
