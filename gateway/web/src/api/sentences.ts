import constants from "./constants.json";

/** What a page shows for a code of the server. */
export interface CodeText {
  readonly happened: string;
  readonly advice: string;
}

/** Where a code is shown: the uploads and the live page have their own words for some codes. */
export type Place = "page" | "video" | "live";

/** The server's codes; contracts/rules/codes.py has their table, and `npm run messages` copies it. */
const CODES = new Map<string, { readonly page: CodeText } & { readonly [place in Place]?: CodeText }>(
  Object.entries(constants.codes),
);

/** What the pages find out without the server. */
const SENTENCES = new Map([
  [
    "network_error",
    "The server could not be reached. Check that it is running and that you are connected, then try again.",
  ],
  ["timeout", "The server took too long to answer. Try again in a moment."],
  ["unexpected_answer", "This page does not understand the server's answer. Load the page again."],
  ["page_error", "Something went wrong in this page. Load it again. What was recorded before is safe."],
]);

/** The text for a code of the server; undefined if this version of the page does not know the code. */
export function textFor(code: string, place: Place = "page"): CodeText | undefined {
  const texts = CODES.get(code);
  return texts?.[place] ?? texts?.page;
}

/** The sentence for a code; for a code that this page does not know, the server's own detail. */
export function sentenceFor(code: string, detail = "", place: Place = "page"): string {
  const text = textFor(code, place);
  if (text) return `${text.happened} ${text.advice}`;
  return SENTENCES.get(code) ?? (detail || "The server refused this and gave no reason.");
}
