import { useId, useState } from "react";

import { Dialog } from "./Dialog";

export interface TokenPromptProps {
  /** Whether the server refused the last token. */
  readonly refused: boolean;
  /** Called once; with null if the person cancels. */
  readonly onAnswer: (token: string | null) => void;
}

/** A dialog that asks the person for the server's token. */
export function TokenPrompt({ refused, onAnswer }: TokenPromptProps) {
  const [token, setToken] = useState("");
  const id = useId();

  function submit() {
    const given = token.trim();
    if (given) onAnswer(given);
  }

  return (
    <Dialog title="Access token" submit="Continue" onClose={() => onAnswer(null)} onSubmit={submit}>
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
    </Dialog>
  );
}
