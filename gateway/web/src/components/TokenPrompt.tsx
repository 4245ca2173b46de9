import { useEffect, useId, useRef, useState, type FormEvent } from "react";

import { Button } from "./Button";

export interface TokenPromptProps {
  /** Whether the server refused the last token. */
  readonly refused: boolean;
  /** Called once; with null if the person cancels. */
  readonly onAnswer: (token: string | null) => void;
}

/** A dialog that asks the person for the server's token. */
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
          This server needs a token. Ask the person who runs it. The page keeps the token only until you close or reload
          it.
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
