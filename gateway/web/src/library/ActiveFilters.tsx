import { changed, type FilterName, type Filters } from "./query";
import { CONSENT, labelText, QUALITY, REVIEW, STATE, wordFor } from "./words";

export interface ActiveFiltersProps {
  readonly filters: Filters;
  readonly onChange: (filters: Filters) => void;
}

/** The filters that narrow the list, each with a button that removes it. */
export function ActiveFilters({ filters, onChange }: ActiveFiltersProps) {
  const names = Object.keys(filters) as FilterName[];
  if (names.length === 0) return null;
  return (
    <ul className="chips" aria-label="Active filters">
      {names.map((name) => (
        <li key={name}>
          <button type="button" className="chip" onClick={() => onChange(changed(filters, name, undefined))}>
            <span className="visually-hidden">Remove the filter</span> {filterWords(name, filters[name] ?? "")}
            <span className="chip-cross" aria-hidden="true">
              ×
            </span>
          </button>
        </li>
      ))}
      {names.length > 1 && (
        <li>
          <button type="button" className="text-button" onClick={() => onChange({})}>
            Remove all filters
          </button>
        </li>
      )}
    </ul>
  );
}

const WORDS: Readonly<Record<FilterName, (value: string) => string>> = {
  search: (value) => `search: ${value}`,
  participant: (value) => `person: ${value}`,
  user_id: (value) => `recorded as: ${value}`,
  session_id: (value) => `session: ${value}`,
  label: (value) => `label: ${labelText(value)}`,
  since: (value) => `from: ${value}`,
  until: (value) => `to: ${value}`,
  quality: (value) => `quality: ${wordFor(QUALITY, value).text}`,
  review: (value) => `verdict: ${wordFor(REVIEW, value).text}`,
  consent: (value) => `consent: ${wordFor(CONSENT, value).text}`,
  state: (value) => `state: ${wordFor(STATE, value).text}`,
};

/** A filter in words: "verdict: not reviewed". */
export function filterWords(name: FilterName, value: string): string {
  return WORDS[name](value);
}
