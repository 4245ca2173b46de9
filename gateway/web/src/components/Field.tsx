import { useId } from "react";

export interface FieldProps {
  readonly label: string;
  readonly value: string;
  /** Without it the field is read-only. */
  readonly onChange?: ((value: string) => void) | undefined;
  readonly hint?: string;
  /** A sentence that says what is wrong with the value. */
  readonly error?: string | undefined;
  readonly placeholder?: string;
  readonly maxLength?: number;
  /** The values to offer while the person types. */
  readonly suggestions?: readonly string[];
  readonly required?: boolean;
  /** Whether to use a monospaced font, for ids and hashes. */
  readonly mono?: boolean;
}

/** A text input with a label. */
export function Field({ label, value, onChange, hint, error, mono = false, suggestions, ...rest }: FieldProps) {
  const id = useId();
  const offered = suggestions !== undefined && suggestions.length > 0;
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
        list={onChange && offered ? `${id}-list` : undefined}
        {...rest}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        aria-invalid={error ? true : undefined}
        aria-describedby={described || undefined}
        onChange={(event) => onChange?.(event.target.value)}
      />
      {offered && (
        <datalist id={`${id}-list`}>
          {suggestions.map((suggestion) => (
            <option key={suggestion}>{suggestion}</option>
          ))}
        </datalist>
      )}
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
