import { useWords, words } from "../words";
import { changed, type FilterName, type Filters } from "./query";
import { labelText, wordFor } from "./words";

export interface ActiveFiltersProps {
  readonly filters: Filters;
  readonly onChange: (filters: Filters) => void;
}

/** The filters that narrow the list, each with a button that removes it. */
export function ActiveFilters({ filters, onChange }: ActiveFiltersProps) {
  const { filters: texts } = useWords().library;
  const names = Object.keys(filters) as FilterName[];
  if (names.length === 0) return null;
  return (
    <ul className="chips" aria-label={texts.active}>
      {names.map((name) => (
        <li key={name}>
          <button type="button" className="chip" onClick={() => onChange(changed(filters, name, undefined))}>
            <span className="visually-hidden">{texts.remove}</span> {filterWords(name, filters[name] ?? "")}
            <span className="chip-cross" aria-hidden="true">
              ×
            </span>
          </button>
        </li>
      ))}
      {names.length > 1 && (
        <li>
          <button type="button" className="text-button" onClick={() => onChange({})}>
            {texts.removeAll}
          </button>
        </li>
      )}
    </ul>
  );
}

/** The filters whose values are words of the pages. */
const KINDS = ["quality", "review", "consent", "state"] as const;

/** A filter in words: "verdict: not reviewed". */
export function filterWords(name: FilterName, value: string): string {
  const kind = KINDS.find((each) => each === name);
  const shown = kind ? wordFor(kind, value).text : name === "label" ? labelText(value) : value;
  return words().library.filter[name](shown);
}
