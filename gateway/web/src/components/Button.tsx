import { useId, type ReactNode } from "react";

export interface ButtonProps {
  readonly children: ReactNode;
  readonly onClick?: (() => void) | undefined;
  readonly type?: "button" | "submit";
  readonly tone?: "primary" | "quiet" | "danger";
  /** Why it cannot be used now, as a sentence; it is shown, stays reachable by keyboard, and is read out. */
  readonly blocked?: string | undefined;
  /** Something is under way: it cannot be pressed again. */
  readonly busy?: boolean;
  /** For one that shows and hides something: whether it is shown, and its id. */
  readonly expanded?: boolean | undefined;
  readonly controls?: string | undefined;
}

/**
 * A button. One that cannot be used now is never just grey: it says why, and a keyboard still finds it.
 */
export function Button({
  children,
  onClick,
  type = "button",
  tone = "primary",
  blocked,
  busy = false,
  ...rest
}: ButtonProps) {
  const id = useId();
  const off = busy || blocked !== undefined;
  return (
    <span className="button-with-reason">
      <button
        type={off ? "button" : type}
        className={`button button-${tone}`}
        aria-disabled={off || undefined}
        aria-busy={busy || undefined}
        aria-expanded={rest.expanded}
        aria-controls={rest.controls}
        aria-describedby={blocked === undefined ? undefined : id}
        onClick={off ? undefined : onClick}
      >
        {children}
      </button>
      {blocked !== undefined && (
        <span className="reason" id={id}>
          {blocked}
        </span>
      )}
    </span>
  );
}
