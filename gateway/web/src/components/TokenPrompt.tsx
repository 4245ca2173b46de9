import { useId, useState } from "react";

import { useWords } from "../words";
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
  const { common } = useWords();
  const words = common.token;

  function submit() {
    const given = token.trim();
    if (given) onAnswer(given);
  }

  return (
    <Dialog title={words.title} submit={words.submit} onClose={() => onAnswer(null)} onSubmit={submit}>
      <p id={`${id}-hint`}>{words.hint}</p>
      {refused && (
        <p className="field-error" role="alert" id={`${id}-error`}>
          {words.refused} {common.code} <code className="code">token_required</code>
        </p>
      )}
      <div className="field">
        <label htmlFor={`${id}-token`}>{words.label}</label>
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
