import axe from "axe-core";
import { expect } from "vitest";

// what index.html says, and what only a browser that draws can see
const NOT_HERE = ["document-title", "html-has-lang", "color-contrast"];
const RULES = Object.fromEntries(NOT_HERE.map((rule) => [rule, { enabled: false }]));

/** axe finds nothing in what is rendered now. */
export async function expectAccessible(): Promise<void> {
  const { violations } = await axe.run(document, { rules: RULES });
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
}
