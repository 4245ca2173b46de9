import { useId } from "react";

import { useVisitor } from "../api/token";
import { Field, type FieldProps } from "../components/Field";
import { useWords } from "../words";

/** The person whom a page means, from what was typed: a token for one person leaves no choice. */
export function ownPerson(people: readonly string[] | null, typed: string): string {
  if (people === null || people.includes(typed)) return typed;
  return (people.length === 1 && people[0]) || "";
}

/** The people for whom the present token is; null if it is for all. */
export function useOwnPeople(): readonly string[] | null {
  return useVisitor().who?.user_ids ?? null;
}

/** Asks for a person's code. With a token for one person it shows that one, for several it offers them. */
export function PersonField(props: FieldProps) {
  const people = useOwnPeople();
  const { person } = useWords().access;
  const id = useId();
  const { label, value, onChange, required } = props;
  if (people === null || !onChange) return <Field {...props} />;
  if (people.length === 1) {
    const { onChange: _, suggestions: __, ...fixed } = props;
    return <Field {...fixed} hint={person.only} />;
  }
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        value={value}
        required={required}
        aria-describedby={`${id}-hint`}
        onChange={({ target }) => onChange(target.value)}
      >
        <option value="">{person.choose}</option>
        {people.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
      <p className="field-hint" id={`${id}-hint`}>
        {person.several}
      </p>
    </div>
  );
}
