import { useWords } from "../words";
import { chooseLanguage, LANGUAGES, useLanguage, type Language } from "../words/language";

/** Each language in its own words, so that a person finds the one that they read. */
const NAMES: Readonly<Record<Language, string>> = { en: "English", de: "Deutsch" };

/** Changes the language of the pages. */
export function LanguageChoice() {
  const shown = useLanguage();
  const { common } = useWords();
  return (
    <div className="languages" role="group" aria-label={common.language}>
      {LANGUAGES.map((each) => (
        <button
          key={each}
          type="button"
          className="language"
          lang={each}
          aria-pressed={each === shown}
          onClick={() => chooseLanguage(each)}
        >
          {NAMES[each]}
        </button>
      ))}
    </div>
  );
}
