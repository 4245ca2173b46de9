/**
 * What a list of captures is narrowed to. The address of the page has it, so that a view can be shared and survives a
 * reload; the names are those of `GET /library/captures`.
 */
export interface Filters {
  /** All its words must occur in the label, or in one of the ids. */
  readonly search?: string;
  /** The person that the capture shows. */
  readonly participant?: string;
  /** The person under whose id the capture was recorded. */
  readonly user_id?: string;
  readonly session_id?: string;
  /** Empty: captures without a label. */
  readonly label?: string;
  /** Days, YYYY-MM-DD, in the time zone of the browser; `until` is the last one that is included. */
  readonly since?: string;
  readonly until?: string;
  readonly quality?: string;
  readonly review?: string;
  readonly consent?: string;
  readonly state?: string;
}

export type FilterName = keyof Filters;

const NAMES: readonly FilterName[] = [
  "search",
  "participant",
  "user_id",
  "session_id",
  "label",
  "since",
  "until",
  "quality",
  "review",
  "consent",
  "state",
];

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** The filters in the query part of an address. It ignores other parameters, empty ones, and days that do not exist. */
export function filtersOf(query: string): Filters {
  const given = new URLSearchParams(query);
  const filters: Partial<Record<FilterName, string>> = {};
  for (const name of NAMES) {
    const value = given.get(name);
    if (value === null || (value === "" && name !== "label")) continue;
    if ((name === "since" || name === "until") && startOfDay(value) === null) continue;
    filters[name] = value;
  }
  return filters;
}

/** The query part of the page's address for some filters: "?label=more&review=none", or "" without any. */
export function queryOf(filters: Filters): string {
  const query = new URLSearchParams();
  for (const name of NAMES) {
    const value = filters[name];
    if (value !== undefined) query.set(name, value);
  }
  const text = query.toString();
  return text && `?${text}`;
}

/** The parameters of `GET /library/captures` for some filters. */
export function parametersOf(filters: Filters): URLSearchParams {
  const parameters = new URLSearchParams(queryOf(filters));
  const { since, until } = filters;
  if (since !== undefined) parameters.set("since", startOfDay(since) ?? since);
  if (until !== undefined) parameters.set("until", startOfDay(until, 1) ?? until);
  return parameters;
}

/** When a day begins in the browser's time zone, `later` days later, in UTC; null if there is no such day. */
function startOfDay(day: string, later = 0): string | null {
  const [year = 0, month = 0, date = 0] = day.split("-").map(Number);
  const start = new Date(year, month - 1, date);
  if (!DAY.test(day) || start.getMonth() !== month - 1 || start.getDate() !== date) return null;
  return new Date(year, month - 1, date + later).toISOString();
}

/** The filters with one of them changed; undefined removes it. */
export function changed(filters: Filters, name: FilterName, value: string | undefined): Filters {
  const { [name]: _, ...others } = filters;
  return value === undefined ? others : { ...others, [name]: value };
}
