import { common } from "./common";
import { handsfree } from "./handsfree";
import { home } from "./home";
import { phone } from "./phone";
import { record } from "./record";
import { language, LANGUAGES, useLanguage, type Language } from "./language";

export { moment, number, percent, plural } from "./numbers";

/** A file for each room of the pages. To add one, add it here. */
const ROOMS = { common, handsfree, home, phone, record };

/** All texts in one language, by room: `words().home.title`. */
export type Words = { readonly [Room in keyof typeof ROOMS]: (typeof ROOMS)[Room]["en"] };

/** All texts in all languages. */
export const CATALOGUE = Object.fromEntries(
  LANGUAGES.map((each) => [
    each,
    Object.fromEntries(Object.entries(ROOMS).map(([room, texts]) => [room, texts[each]])),
  ]),
) as unknown as Readonly<Record<Language, Words>>;

/** The texts in the present language, for functions that are called while a component renders. */
export function words(): Words {
  return CATALOGUE[language()];
}

/** The texts in the present language. The component renders again when it changes. */
export function useWords(): Words {
  return CATALOGUE[useLanguage()];
}
