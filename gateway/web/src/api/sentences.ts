import constants from "./constants.json";

/** The text that a page shows for one of the server's codes: what happened, and what the person can do. */
export interface CodeText {
  readonly happened: string;
  readonly advice: string;
}

/** Where a code is shown: the upload page and the live page have their own texts for some codes. */
export type Place = "page" | "video" | "live";

/** The texts of the server's codes. `npm run messages` copies them from contracts/rules/codes.py. */
const CODES = new Map<string, { readonly page: CodeText } & { readonly [place in Place]?: CodeText }>(
  Object.entries(constants.codes),
);

/** The texts of the quality reasons. `npm run messages` copies them from contracts/rules/quality_reasons.py. */
const REASONS = new Map<string, CodeText>(Object.entries(constants.quality_reasons));

/** The sentences for errors that the pages detect themselves. */
const SENTENCES = new Map([
  [
    "network_error",
    "The page cannot reach the server. Check your connection and that the server runs, then try again.",
  ],
  ["timeout", "The server took too long to answer. Try again in a moment."],
  ["unexpected_answer", "This page does not understand the server's answer. Load the page again."],
  ["page_error", "Something went wrong in this page. Load it again. Your earlier recordings are safe."],
]);

/** The text for a code of the server; undefined if this version of the page does not know the code. */
export function textFor(code: string, place: Place = "page"): CodeText | undefined {
  const texts = CODES.get(code);
  return texts?.[place] ?? texts?.page;
}

/** The text for a reason of a capture's quality, also for one that this version of the page does not know. */
export function reasonText(reason: string): CodeText {
  const unknown = { happened: `The server doubts this recording (${reason}).`, advice: "Look at its picture below." };
  return REASONS.get(reason) ?? unknown;
}

/** The sentence for a code; for a code that this page does not know, the server's own detail. */
export function sentenceFor(code: string, detail = "", place: Place = "page"): string {
  const text = textFor(code, place);
  if (text) return `${text.happened} ${text.advice}`;
  return SENTENCES.get(code) ?? (detail || "The server refused this and gave no reason.");
}
