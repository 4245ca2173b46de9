import { useEffect, useId, useRef, useState } from "react";

import type { LibrarySummary } from "../api/messages";
import { number, useWords } from "../words";
import { changed, type FilterName, type Filters as Values } from "./query";
import { labelText, valuesOfKind, wordFor, type Kind } from "./words";

export interface FiltersProps {
  readonly filters: Values;
  readonly summary: LibrarySummary | null;
  /** `typing` while the person types: then the browser's way back does not lead through every letter. */
  readonly onChange: (filters: Values, typing?: boolean) => void;
}

const CHOICES = ["quality", "review", "consent", "state"] as const;

const TYPED_MS = 250;
const FEW = 8;

/** What the list can be narrowed to, with the number of captures for each value. */
export function Filters({ filters, summary, onChange }: FiltersProps) {
  const set = (name: FilterName, value: string | undefined, typing = false) =>
    onChange(changed(filters, name, value), typing);
  const { filters: texts } = useWords().library;
  return (
    <div className="filters" role="search" aria-label={texts.title}>
      <Search filters={filters} onChange={onChange} />
      <Counts filter="participant" counts={summary?.participant} {...{ filters, set }} />
      <Counts filter="label" counts={summary?.label} {...{ filters, set }} />
      <div className="filter-choices">
        {CHOICES.map((kind) => (
          <Choice
            key={kind}
            kind={kind}
            counts={summary?.[kind]}
            value={filters[kind]}
            onChange={(value) => set(kind, value)}
          />
        ))}
        <Day title={texts.since} value={filters.since} onChange={(value) => set("since", value, true)} />
        <Day title={texts.until} value={filters.until} onChange={(value) => set("until", value, true)} />
      </div>
    </div>
  );
}

function Search({ filters, onChange }: Pick<FiltersProps, "filters" | "onChange">) {
  const id = useId();
  const { filters: texts } = useWords().library;
  const { search = "" } = filters;
  const [text, setText] = useState(search);
  const [seen, setSeen] = useState(search);
  if (seen !== search) {
    // the address has another text: the person typed it a moment ago, or removed the filter elsewhere
    setSeen(search);
    if (search !== text.trim()) setText(search);
  }
  const latest = useRef({ filters, onChange });
  useEffect(() => {
    latest.current = { filters, onChange };
  });

  useEffect(() => {
    const words = text.trim();
    const timer = window.setTimeout(() => {
      const { filters: now, onChange: change } = latest.current;
      if (words !== (now.search ?? "")) change(changed(now, "search", words || undefined), true);
    }, TYPED_MS);
    return () => window.clearTimeout(timer);
  }, [text]);

  return (
    <div className="field">
      <label htmlFor={id}>{texts.search}</label>
      <input
        id={id}
        type="search"
        value={text}
        placeholder={texts.searchHint}
        maxLength={256}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        onChange={({ target }) => setText(target.value)}
      />
    </div>
  );
}

interface CountsProps {
  readonly filter: "participant" | "label";
  readonly counts: Readonly<Record<string, number>> | undefined;
  readonly filters: Values;
  readonly set: (name: FilterName, value: string | undefined) => void;
}

/** Values with their numbers of captures, the most frequent first; one of them can be chosen. */
function Counts({ filter, counts, filters, set }: CountsProps) {
  const id = useId();
  const [all, setAll] = useState(false);
  const { filters: texts } = useWords().library;
  const people = filter === "participant";
  const chosen = filters[filter];
  // sorted here, because an object has keys such as "7" before all others
  const values = Object.entries(counts ?? {}).sort(([, a], [, b]) => b - a);
  const shown = all ? values : values.filter(([value], place) => place < FEW || value === chosen);
  if (values.length === 0) return null;
  return (
    <section className="counts" aria-labelledby={id}>
      <h3 id={id}>{people ? texts.people : texts.labels}</h3>
      <ul>
        {shown.map(([value, count]) => (
          <li key={value}>
            <button
              type="button"
              className="count"
              aria-pressed={value === chosen}
              onClick={() => set(filter, value === chosen ? undefined : value)}
            >
              <span className={value ? "count-name" : "count-name count-none"}>{labelText(value)}</span>{" "}
              <span className="count-number">{number(count)}</span>
            </button>
          </li>
        ))}
      </ul>
      {values.length > FEW && (
        <button type="button" className="text-button" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? texts.fewer : (people ? texts.allPeople : texts.allLabels)(values.length)}
        </button>
      )}
    </section>
  );
}

interface ChoiceProps {
  readonly kind: Kind;
  readonly counts: Readonly<Partial<Record<string, number>>> | undefined;
  readonly value: string | undefined;
  readonly onChange: (value: string | undefined) => void;
}

function Choice({ kind, counts, value = "", onChange }: ChoiceProps) {
  const id = useId();
  const { filters: texts } = useWords().library;
  return (
    <div className="field">
      <label htmlFor={id}>{texts[kind]}</label>
      <select id={id} value={value} onChange={({ target }) => onChange(target.value || undefined)}>
        <option value="">{texts.any}</option>
        {valuesOfKind(kind).map((key) => (
          <option key={key} value={key}>
            {wordFor(kind, key).text} ({number(counts?.[key] ?? 0)})
          </option>
        ))}
      </select>
    </div>
  );
}

interface DayProps extends Pick<ChoiceProps, "value" | "onChange"> {
  readonly title: string;
}

function Day({ title, value = "", onChange }: DayProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{title}</label>
      <input id={id} type="date" value={value} onChange={({ target }) => onChange(target.value || undefined)} />
    </div>
  );
}
