import axe from "axe-core";
import { expect } from "vitest";

// rules that need index.html, or a browser that renders
const NOT_HERE = ["document-title", "html-has-lang", "color-contrast"];
const RULES = Object.fromEntries(NOT_HERE.map((rule) => [rule, { enabled: false }]));

/** Expects that axe finds no problem in the rendered page. */
export async function expectAccessible(): Promise<void> {
  const { violations } = await axe.run(document, { rules: RULES });
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
}
