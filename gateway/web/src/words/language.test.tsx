import { act, render, screen, waitFor } from "@testing-library/react";

import { App } from "../App";
import { expectAccessible } from "../test/axe";
import { renderPage } from "../test/page";
import { FakeServer, held } from "../test/server";
import { chooseLanguage, language, languageFor, locale } from "./language";
import { CATALOGUE } from "./index";

function speaks(...languages: string[]): void {
  vi.spyOn(navigator, "languages", "get").mockReturnValue(languages);
}

beforeEach(() => new FakeServer().on("GET /readyz", held().reply));

test.each([
  [["de"], "de"],
  [["de-AT", "en"], "de"],
  [["fr", "DE-de", "en"], "de"],
  [["en-GB", "de"], "en"],
  [["fr", "it"], "en"],
  [[], "en"],
])("a browser that prefers %j gets the pages in %s", (wanted, expected) => {
  expect(languageFor(wanted)).toBe(expected);
});

test.each([
  [["de-AT", "en"], null, "de-AT"],
  [["en-GB", "de-CH"], "de", "de-CH"],
  [["en-GB"], "de", "de"],
] as const)("numbers of a browser of %j, with %s chosen, are as in %s", (wanted, choice, expected) => {
  speaks(...wanted);
  chooseLanguage(choice);
  expect(locale()).toBe(expected);
});

test("a page follows the browser, also when its language changes", () => {
  speaks("de-DE");
  render(<App />);
  expect(screen.getByRole("heading", { level: 1 })).toHaveTextContent(CATALOGUE.de.home.title);
  expect(document.documentElement.lang).toBe("de");
  speaks("en");
  act(() => void window.dispatchEvent(new Event("languagechange")));
  expect(screen.getByRole("heading", { level: 1 })).toHaveTextContent(CATALOGUE.en.home.title);
  expect(document.documentElement.lang).toBe("en");
});

test("a person chooses the language by keyboard, and the whole page and its title change", async () => {
  window.history.replaceState(null, "", "/");
  const { user } = renderPage(<App />);
  const german = screen.getByRole("button", { name: "Deutsch" });
  expect(german).toHaveAttribute("lang", "de");
  expect(german).toHaveAttribute("aria-pressed", "false");
  german.focus();
  await user.keyboard(" ");
  expect(german).toHaveAttribute("aria-pressed", "true");
  expect(german).toHaveFocus();
  expect(screen.getByRole("group", { name: "Sprache" })).toContainElement(german);
  expect(screen.getByRole("heading", { level: 1 })).toHaveTextContent(CATALOGUE.de.home.title);
  await waitFor(() => expect(document.title).toBe("Willkommen · A3CP"));
  expect(document.documentElement.lang).toBe("de");
  await expectAccessible();
});

test("the choice lasts as long as the tab, over a reload", async () => {
  chooseLanguage("de");
  expect(Object.entries(sessionStorage)).toEqual([["a3cp.language", '"de"']]);
  vi.resetModules(); // as a reload does
  const reloaded = await import("./language");
  expect(reloaded.language()).toBe("de");
  chooseLanguage(null);
  expect([language(), sessionStorage.length]).toEqual(["en", 0]);
});

test("a stored language that the pages do not have is forgotten", async () => {
  sessionStorage.setItem("a3cp.language", '"xx"');
  vi.resetModules();
  expect((await import("./language")).language()).toBe("en");
});
