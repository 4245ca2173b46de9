import { useId, type KeyboardEvent, type ReactNode } from "react";

export interface ButtonProps {
  readonly children: ReactNode;
  readonly onClick?: (() => void) | undefined;
  readonly type?: "button" | "submit";
  readonly tone?: "primary" | "quiet" | "danger";
  /** A sentence that says why the button cannot be used now. It is shown below the button. */
  readonly blocked?: string | undefined;
  /** Whether its action is running, so that it cannot be pressed again. */
  readonly busy?: boolean;
  /** For a button that shows and hides an element: whether that is shown. */
  readonly expanded?: boolean | undefined;
  /** The id of that element. */
  readonly controls?: string | undefined;
  /** For a button that says what is chosen: whether it is. */
  readonly pressed?: boolean | undefined;
  /** The page's command that it gives, by which hands-free control finds it. */
  readonly command?: string | undefined;
  /** A key that does the same; it is shown on the button. */
  readonly shortcut?: string | undefined;
}

/** Browsers press a button again and again while Enter is held down, also the next one that gets the focus then. */
function pressOnce(event: KeyboardEvent): void {
  if (event.repeat && event.key === "Enter") event.preventDefault();
}

/**
 * A button. If it cannot be used, it says why and can still be reached by keyboard; a `disabled` one could not, and screen
 * readers would skip it.
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
        aria-pressed={rest.pressed}
        aria-keyshortcuts={rest.shortcut}
        data-command={rest.command}
        aria-describedby={blocked === undefined ? undefined : id}
        onClick={off ? undefined : onClick}
        onKeyDown={pressOnce}
      >
        {children}
        {rest.shortcut && (
          <kbd className="key" aria-hidden="true">
            {rest.shortcut.toUpperCase()}
          </kbd>
        )}
      </button>
      {blocked !== undefined && (
        <span className="reason" id={id}>
          {blocked}
        </span>
      )}
    </span>
  );
}
