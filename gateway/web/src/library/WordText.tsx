import type { Word } from "./words";

/** A value in words with its mark. Unlike `StatusText`, screen readers do not announce it when it changes. */
export function WordText({ word: { tone, text } }: { readonly word: Word }) {
  return (
    <span className={`word status-${tone}`}>
      <span className="status-mark" aria-hidden="true" /> <strong>{text}</strong>
    </span>
  );
}
