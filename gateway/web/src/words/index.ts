import { access } from "./access";
import { capture } from "./capture";
import { codes } from "./codes";
import { common } from "./common";
import { connection } from "./connection";
import { failures } from "./failures";
import { handsfree } from "./handsfree";
import { home } from "./home";
import { language, LANGUAGES, useLanguage, type Language } from "./language";
import { library } from "./library";
import { libraryCapture } from "./libraryCapture";
import { live } from "./live";
import { operate } from "./operate";
import { person } from "./person";
import { phone } from "./phone";
import { reasons } from "./reasons";
import { record } from "./record";
import { session } from "./session";
import { upload } from "./upload";

export { day, moment, number, percent, plural } from "./numbers";

/** A file for each room of the pages. To add one, add it here. */
const ROOMS = {
  access,
  capture,
  codes,
  common,
  connection,
  failures,
  handsfree,
  home,
  library,
  libraryCapture,
  live,
  operate,
  person,
  phone,
  reasons,
  record,
  session,
  upload,
};

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
