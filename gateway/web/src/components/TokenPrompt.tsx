import { useEffect, useId, useRef, useState, type FormEvent } from "react";

import { Button } from "./Button";

export interface TokenPromptProps {
  /** Whether the last one did not do. */
  readonly refused: boolean;
  /** Called once; null if the person would not say. */
  readonly onAnswer: (token: string | null) => void;
}

/** Asks for the server's token, above the page. */
export function TokenPrompt({ refused, onAnswer }: TokenPromptProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [token, setToken] = useState("");
  const id = useId();

  useEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);

  function submit(event: FormEvent) {
    event.preventDefault();
    const given = token.trim();
    if (given) onAnswer(given);
  }

  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={`${id}-title`}
      onCancel={(event) => {
        event.preventDefault();
        onAnswer(null);
      }}
    >
      <form className="stack" onSubmit={submit}>
        <h2 id={`${id}-title`}>Access token</h2>
        <p id={`${id}-hint`}>
          This server asks for a token. The person who runs it can tell you. It is kept until you close or reload this
          page, and nowhere else.
        </p>
        {refused && (
          <p className="field-error" role="alert" id={`${id}-error`}>
            The server did not accept that token. Code: <code className="code">token_required</code>
          </p>
        )}
        <div className="field">
          <label htmlFor={`${id}-token`}>Token</label>
          <input
            id={`${id}-token`}
            type="password"
            autoComplete="off"
            spellCheck={false}
            required
            value={token}
            aria-describedby={refused ? `${id}-hint ${id}-error` : `${id}-hint`}
            onChange={(event) => setToken(event.target.value)}
          />
        </div>
        <div className="actions">
          <Button type="submit">Continue</Button>
          <Button tone="quiet" onClick={() => onAnswer(null)}>
            Cancel
          </Button>
        </div>
      </form>
    </dialog>
  );
}
