import { useSyncExternalStore } from "react";

import { readTab, writeTab } from "../tabStorage";

/** The languages of the catalogue. The first is for people who prefer none of them. */
export const LANGUAGES = ["en", "de"] as const;

export type Language = (typeof LANGUAGES)[number];

const KEY = "a3cp.language";
const CHANGED = "a3cp:language";

let chosen: Language | null = LANGUAGES.find((known) => known === readTab(KEY)) ?? null;

/** The language of the pages: the one that the person has chosen in this tab, else the first of the browser's. */
export function language(): Language {
  return chosen ?? languageFor(navigator.languages);
}

/** The first of the wanted languages ("de-AT", "en") that the catalogue has. */
export function languageFor(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const known = LANGUAGES.find((each) => each === primary(tag));
    if (known) return known;
  }
  return LANGUAGES[0];
}

/** How numbers and times are written: as the browser's own variant of the pages' language ("de-AT"), if it has one. */
export function locale(): string {
  const shown = language();
  return navigator.languages.find((tag) => primary(tag) === shown) ?? shown;
}

/** Changes the language of the pages, until the tab is closed. Null follows the browser again. */
export function chooseLanguage(next: Language | null): void {
  chosen = next;
  writeTab(KEY, next);
  window.dispatchEvent(new Event(CHANGED));
}

/** The language of the pages. The component renders again when it changes. */
export function useLanguage(): Language {
  return useSyncExternalStore(subscribe, language);
}

function primary(tag: string): string {
  return tag.toLowerCase().split("-", 1).join();
}

function subscribe(changed: () => void): () => void {
  const events = [CHANGED, "languagechange"]; // the second is the browser's own
  for (const event of events) window.addEventListener(event, changed);
  return () => {
    for (const event of events) window.removeEventListener(event, changed);
  };
}
