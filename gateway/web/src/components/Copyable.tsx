import { useId, useRef, useState } from "react";

import { useWords } from "../words";

export interface CopyableProps {
  /** The name of the value, for example record_id. */
  readonly name: string;
  readonly value: string;
  readonly hint?: string;
}

/** An entry of a `<dl>`: a whole id or hash, and a button that copies it. */
export function Copyable({ name, value, hint }: CopyableProps) {
  const id = useId();
  const text = useRef<HTMLElement>(null);
  const [copied, setCopied] = useState(false);
  const { common } = useWords();
  const label = copied ? common.copied : common.copy;

  async function copy() {
    try {
      await navigator.clipboard.writeText(value);
      setCopied(true);
    } catch {
      // over plain HTTP, browsers forbid the clipboard; select the text, so that the person can copy it
      if (text.current) window.getSelection()?.selectAllChildren(text.current);
    }
  }

  return (
    <div className="copyable">
      <dt id={id}>{name}</dt>
      <dd className="code" ref={text}>
        {value}
      </dd>
      {hint && <dd className="field-hint">{hint}</dd>}
      <dd>
        <button
          type="button"
          className="button button-quiet button-small"
          aria-label={`${label} ${name}`}
          onClick={() => void copy()}
        >
          {label}
        </button>
      </dd>
    </div>
  );
}
