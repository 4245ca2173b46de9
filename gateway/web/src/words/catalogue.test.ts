import { chooseLanguage, LANGUAGES } from "./language";
import { CATALOGUE } from "./index";

type Texts = string | ((...values: readonly unknown[]) => unknown) | { readonly [name: string]: Texts };

/** Every text below `texts` by its path; functions are called with one thing, and with more. */
function everyText(texts: Texts, path: string): readonly (readonly [path: string, text: unknown])[] {
  if (typeof texts === "string") return [[path, texts]];
  if (typeof texts === "function")
    return [1, 2].map((value) => [`${path}(${value})`, texts(value, value, value, value)]);
  return Object.entries(texts).flatMap(([name, inner]) => everyText(inner, `${path}.${name}`));
}

const texts = Object.fromEntries(
  LANGUAGES.map((language) => {
    chooseLanguage(language);
    return [language, new Map(everyText(CATALOGUE[language] as unknown as Texts, language))];
  }),
);

/** A part of a sentence that one language has and another does not need. */
const MAY_BE_EMPTY = /\.rest$/;

/** The paths of the texts that are wrong, so that a failure names them. */
function wrong(language: string, isWrong: (text: unknown, path: string) => boolean): readonly string[] {
  return [...(texts[language] ?? [])].filter(([path, text]) => isWrong(text, path)).map(([path]) => path);
}

function paths(language: string): readonly string[] {
  return [...(texts[language]?.keys() ?? [])].map((path) => path.replace(language, "")).sort();
}

test.each(LANGUAGES)("no text is missing in %s", (language) => {
  expect(wrong(language, (text, path) => text === "" && !MAY_BE_EMPTY.test(path))).toEqual([]);
  expect(wrong(language, (text) => typeof text !== "string" || /undefined|NaN|\[object/.test(text))).toEqual([]);
  expect(paths(language)).toEqual(paths("en"));
});

/** Texts that are written in the contracts. */
const CONTRACTS = /^en\.(codes|reasons)\./;

test.each(LANGUAGES)("no text has straight quotes, or dots for an ellipsis, in %s", (language) => {
  expect(wrong(language, (text, path) => !CONTRACTS.test(path) && /["']|\.\.\./.test(String(text)))).toEqual([]);
});
