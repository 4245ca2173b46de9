import { words } from "../words";

/** The text that a page shows for one of the server's codes: what happened, and what the person can do. */
export interface CodeText {
  readonly happened: string;
  readonly advice: string;
}

/** Where a code is shown: the upload page and the live page have their own texts for some codes. */
export type Place = "page" | "video" | "live";

type Texts = { readonly page: CodeText } & { readonly [place in Place]?: CodeText };

/** What a table has for a name of the server; undefined if this version of the page does not know the name. */
export function known<Value>(table: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** The text for a code of the server; undefined if this version of the page does not know the code. */
export function textFor(code: string, place: Place = "page"): CodeText | undefined {
  const texts = known<Texts>(words().codes, code);
  return texts?.[place] ?? texts?.page;
}

/** The text for a reason of a capture's quality, also for one that this version of the page does not know. */
export function reasonText(reason: string): CodeText {
  const { happened, advice } = words().failures.unknownReason;
  return known<CodeText>(words().reasons, reason) ?? { happened: happened(reason), advice };
}

/** The sentence for a code; for a code that this page does not know, the server's own detail. */
export function sentenceFor(code: string, detail = "", place: Place = "page"): string {
  const text = textFor(code, place);
  if (text) return `${text.happened} ${text.advice}`;
  const { page, unknown } = words().failures;
  return known<string>(page, code) ?? (detail || unknown);
}
