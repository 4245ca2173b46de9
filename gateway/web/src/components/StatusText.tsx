import type { ReactNode } from "react";

export type Tone = "idle" | "active" | "busy" | "warning" | "error";

export interface StatusTextProps {
  /** The name of the thing, for example "Session". */
  readonly label: string;
  readonly tone: Tone;
  readonly children: ReactNode;
}

/** A status in words, with a mark that shows the same by shape and colour. Screen readers announce changes. */
export function StatusText({ label, tone, children }: StatusTextProps) {
  return (
    <p className={`status status-${tone}`} role="status" aria-label={label}>
      <span className="status-mark" aria-hidden="true" />
      <span className="status-label">{label}:</span> <strong>{children}</strong>
    </p>
  );
}
