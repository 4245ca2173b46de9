import { chooseLanguage } from "./language";
import { moment, number, percent, plural } from "./numbers";

test.each([
  ["en", "1,234.50", "1,235", "70 %"],
  ["de", "1.234,50", "1.235", "70 %"],
] as const)("numbers in %s", (language, exact, whole, share) => {
  chooseLanguage(language);
  expect(number(1234.5, 2)).toBe(exact);
  expect(number(1234.6)).toBe(whole);
  expect(percent(0.7)).toBe(share);
});

test.each(["en", "de"] as const)("one is one thing and anything else many in %s", (language) => {
  chooseLanguage(language);
  const forms = { one: "one", other: "other" };
  expect([0, 1, 2].map((count) => plural(count, forms))).toEqual(["other", "one", "other"]);
});

test("a time is written as the language does", () => {
  const time = "2026-11-28T12:00:00.000Z";
  chooseLanguage("en");
  expect(moment(time)).toMatch(/^Nov 2[789], 2026, /);
  chooseLanguage("de");
  expect(moment(time)).toMatch(/^2[789]\.11\.2026, /);
});
