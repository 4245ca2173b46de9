import { expect, test } from "vitest";

import { kindOf, LETTERS, optionsOf, setValue, stepBy, valueOf, type Settable } from "./choices";

function element<T extends Element = Settable>(html: string): T {
  document.body.innerHTML = html;
  return document.body.firstElementChild as T;
}

test.each([
  ["<select></select>", "options"],
  ["<textarea></textarea>", "letters"],
  ["<input>", "letters"],
  ["<input type=search>", "letters"],
  ["<input type=range>", "steps"],
  ["<input type=number>", "steps"],
  ["<input type=date>", "steps"],
  ["<input type=checkbox>", null],
  ["<input type=radio>", null],
  ["<input readonly>", null],
  ["<button>a</button>", null],
  ["<a href='/'>a</a>", null],
])("how %s is set: %s", (html, kind) => {
  expect(kindOf(element(html))).toBe(kind);
});

test("the options of a select, without those that are disabled", () => {
  const select = element("<select><option value=a>A</option><option disabled>B</option><option>C</option></select>");
  expect(optionsOf(select)).toEqual([
    { value: "a", label: "A" },
    { value: "C", label: "C" },
  ]);
});

test("the suggestions of a field", () => {
  const field = element("<input list=l><datalist id=l><option>anna</option><option value=b></option></datalist>");
  expect(optionsOf(field)).toEqual([
    { value: "anna", label: "anna" },
    { value: "b", label: "b" },
  ]);
  expect(optionsOf(element("<input>"))).toEqual([]);
});

test.each(["<input>", "<textarea></textarea>", "<select><option>a</option><option>b</option></select>"])(
  "a value is set, and the page hears of it: %s",
  (html) => {
    const field = element(html);
    const heard: string[] = [];
    for (const name of ["input", "change"])
      document.body.addEventListener(name, () => heard.push(name), { once: true });
    setValue(field, "b");
    expect(field.value).toBe("b");
    expect(heard).toEqual(["input", "change"]);
  },
);

test("a number goes by its step, within its bounds", () => {
  const range = element<HTMLInputElement>("<input type=range min=0 max=10 step=5 value=5>");
  const values = ([1, 1, -1, -1, -1] as const).map((direction) => {
    stepBy(range, direction);
    return range.value;
  });
  expect(values).toEqual(["10", "10", "5", "0", "0"]);
});

test("every letter and digit of an id can be chosen, each once", () => {
  const all = LETTERS.join("");
  expect(new Set(all).size).toBe(all.length);
  for (const letter of "abcdefghijklmnopqrstuvwxyz0123456789-_") expect(all).toContain(letter);
});

test.each([
  ["<input value=a>", "a"],
  ["<input type=password value=abc>", "•••"],
  ["<input type=range value=3 aria-valuetext='3 seconds'>", "3 seconds"],
  ["<select><option>a</option><option selected>b</option></select>", "b"],
  ["<select></select>", ""],
])("what %s has now: %s", (html, value) => {
  expect(valueOf(element(html))).toBe(value);
});
