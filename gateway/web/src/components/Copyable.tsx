import { useId, useRef, useState } from "react";

export interface CopyableProps {
  /** What it is called: record_id. */
  readonly name: string;
  readonly value: string;
  readonly hint?: string;
}

/** An id or a hash, whole, and a button that copies it. It is an entry of a `<dl>`. */
export function Copyable({ name, value, hint }: CopyableProps) {
  const id = useId();
  const text = useRef<HTMLElement>(null);
  const [copied, setCopied] = useState(false);

  async function copy() {
    try {
      await navigator.clipboard.writeText(value);
      setCopied(true);
    } catch {
      // plain HTTP: browsers keep the clipboard from the page; the person copies what is selected
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
          aria-label={`${copied ? "Copied" : "Copy"} ${name}`}
          onClick={() => void copy()}
        >
          {copied ? "Copied" : "Copy"}
        </button>
      </dd>
    </div>
  );
}
