import { useId, useState } from "react";

import { known, sentenceFor } from "../api/sentences";
import type { Question } from "../api/tokenStore";
import { useWords, words } from "../words";
import { Dialog } from "./Dialog";

/** A dialog that asks the person for their token, and says what is wrong with the last one. */
export function TokenPrompt({ question }: { readonly question: Question }) {
  const { refusal, kept, checking, answer } = question;
  const [token, setToken] = useState("");
  const id = useId();
  const { common, access } = useWords();
  const texts = access.token;

  function submit() {
    const given = token.trim();
    if (!given || checking) return;
    setToken("");
    answer(given);
  }

  return (
    <Dialog title={texts.title} submit={texts.submit} busy={checking} onClose={() => answer(null)} onSubmit={submit}>
      <p id={`${id}-hint`}>{texts.hint}</p>
      {/* always there, so that screen readers announce the sentence of the second wrong token too */}
      <div role="alert" id={`${id}-error`}>
        {refusal !== null && !checking && (
          <p className="field-error">
            {refusedWords(refusal)} {common.code} <code className="code">{refusal}</code>
          </p>
        )}
      </div>
      {kept && <p>{texts.kept}</p>}
      <div className="field">
        <label htmlFor={`${id}-token`}>{texts.label}</label>
        <input
          id={`${id}-token`}
          type="password"
          autoComplete="off"
          spellCheck={false}
          required
          value={token}
          aria-describedby={`${id}-hint ${id}-error`}
          onChange={(event) => setToken(event.target.value)}
        />
      </div>
      <p className="field-hint">{texts.memory}</p>
    </Dialog>
  );
}

function refusedWords(refusal: string): string {
  return known<string>(words().access.refused, refusal) ?? sentenceFor(refusal);
}
