// Writes src/api/messages.ts from src/api/schema.json; `npm run messages` brings all three files up to date.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { compile } from "json-schema-to-typescript";

const here = join(import.meta.dirname, "src/api");

/** The TypeScript of every message in the schema. */
export async function messageTypes() {
  const schema = JSON.parse(await readFile(join(here, "schema.json"), "utf-8"), revive);
  const types = await compile({ ...schema, type: "object", additionalProperties: false }, "Messages", {
    bannerComment: "// Made by `npm run messages` from the pydantic models in contracts/. Do not edit.",
    unreachableDefinitions: true,
    additionalProperties: false,
    style: { printWidth: 120 },
  });
  return types
    .replace("export interface Messages {}\n", "")
    .replaceAll(/ \*\n \* This interface was referenced by .*\n \* via the .*\n/g, "")
    .replaceAll(/\/\*\*\n \* This interface was referenced by .*\n \* via the .*\n \*\/\n/g, "")
    .replaceAll(/ +\/\*\*\n +\* @minItems .*\n +\* @maxItems .*\n +\*\/\n/g, "");
}

/** What the generator does not know of today's JSON Schema: tuples, and objects with a list of names. */
function revive(_name, value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  const { prefixItems, propertyNames, ...rest } = value;
  if (typeof rest.title === "string" && rest.type !== "object") delete rest.title; // it only says the name again
  if (prefixItems) return { ...rest, items: prefixItems, additionalItems: false };
  if (propertyNames?.enum) {
    const properties = Object.fromEntries(propertyNames.enum.map((name) => [name, rest.additionalProperties]));
    return { ...rest, properties, additionalProperties: false };
  }
  return rest;
}

if (process.argv[1] === import.meta.filename) {
  await writeFile(join(here, "messages.ts"), await messageTypes());
}
