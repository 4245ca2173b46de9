import { locale } from "./language";

/** Texts for one thing and for any other number of things. Both languages need no more forms. */
export interface Forms {
  readonly one: string;
  readonly other: string;
}

/** A number as the pages' language writes it: "1,234.50" and "1.234,50" with two `digits` after the point. */
export function number(value: number, digits = 0): string {
  return formatter("number", digits, (at) => new Intl.NumberFormat(at, exactly(digits))).format(value);
}

/** A share from 0 to 1 as a whole percentage: "70 %". */
export function percent(share: number): string {
  return `${number(Math.round(100 * share))} %`;
}

/** The form of a text for `count` things. */
export function plural(count: number, { one, other }: Forms): string {
  return formatter("plural", 0, (at) => new Intl.PluralRules(at)).select(count) === "one" ? one : other;
}

/** A day and time of the server, in the person's own time zone: "28 Nov 2026, 14:05". */
export function moment(time: string): string {
  const style = { dateStyle: "medium", timeStyle: "short" } as const;
  return formatter("moment", 0, (at) => new Intl.DateTimeFormat(at, style)).format(new Date(time));
}

/** A day of the server, in the person's own time zone: "28 Nov 2026". */
export function day(time: string): string {
  return formatter("day", 0, (at) => new Intl.DateTimeFormat(at, { dateStyle: "medium" })).format(new Date(time));
}

const made = new Map<string, unknown>();

/** A formatter for the present locale, made once: to make one takes longer than all else that a list does for an item. */
function formatter<Formatter>(kind: string, digits: number, make: (at: string) => Formatter): Formatter {
  const key = `${kind} ${digits} ${locale()}`;
  if (!made.has(key)) made.set(key, make(locale()));
  return made.get(key) as Formatter;
}

function exactly(digits: number): Intl.NumberFormatOptions {
  return { minimumFractionDigits: digits, maximumFractionDigits: digits };
}
