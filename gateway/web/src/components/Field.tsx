import { useId } from "react";

export interface FieldProps {
  readonly label: string;
  readonly value: string;
  /** Without it the field is read-only. */
  readonly onChange?: ((value: string) => void) | undefined;
  readonly hint?: string;
  /** What is wrong with the value, as a sentence. */
  readonly error?: string | undefined;
  readonly placeholder?: string;
  readonly maxLength?: number;
  /** Shown in letters of one width: ids, hashes. */
  readonly mono?: boolean;
}

/** A labelled line of text. */
export function Field({ label, value, onChange, hint, error, placeholder, maxLength, mono = false }: FieldProps) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type="text"
        className={mono ? "mono" : undefined}
        value={value}
        readOnly={!onChange}
        placeholder={placeholder}
        maxLength={maxLength}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        aria-invalid={error ? true : undefined}
        aria-describedby={described || undefined}
        onChange={(event) => onChange?.(event.target.value)}
      />
      {hint && (
        <p className="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p className="field-error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}
