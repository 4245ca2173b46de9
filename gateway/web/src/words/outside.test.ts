import { parseSync } from "vite";

/** All files of the pages but the catalogue, the tests and what is generated, by their paths. */
const SOURCES = Object.entries(
  import.meta.glob<string>(
    ["../**/*.{ts,tsx}", "!../**/*.test.*", "!../test/**", "!../words/**", "!../api/messages.ts"],
    {
      query: "?raw",
      import: "default",
      eager: true,
    },
  ),
);

/** Attributes that people read or hear. */
const READ = [
  "aria-label",
  "aria-valuetext",
  "aria-description",
  "aria-roledescription",
  "title",
  "placeholder",
  "alt",
];

/** The same of our components. */
const READ_OF_OURS = ["label", "lead", "hint", "submit", "blocked", "error", "note", "of", "endBlocked"];

/** Properties that hold what people read. */
const SAID = new Set(["sentence", "happened", "advice", "meanwhile"]);

/** What may be outside the catalogue: brand, names of fields, and what browsers and the drawing read. */
const EXCEPTIONS: ReadonlySet<string> = new Set([
  "A3CP",
  "English", // each language in its own words
  "Deutsch",
  "record_id",
  "capture_id",
  "session_id",
  "token_required",
  "600 13px system-ui, sans-serif",
  "a[href], button, input, select, textarea, summary, [tabindex], [contenteditable]",
  '<html data-gateway="unreachable"',
  "(prefers-reduced-motion: reduce)",
]);

interface Node {
  readonly type: string;
  readonly start: number;
  readonly [field: string]: unknown;
}

const isNode = (value: unknown): value is Node => typeof (value as Node | null)?.type === "string";

function childrenOf(node: Node): readonly Node[] {
  return Object.values(node).flat().filter(isNode);
}

/** The texts that an expression gives: of "a ? b : c" those of b and c. */
function textsOf(node: Node): readonly (readonly [text: string, at: number])[] {
  switch (node.type) {
    case "Literal":
      return typeof node["value"] === "string" ? [[node["value"], node.start]] : [];
    case "TemplateLiteral":
      return (node["quasis"] as Node[]).map((part) => [(part["value"] as { cooked: string }).cooked, part.start]);
    case "ConditionalExpression":
      return [node["consequent"], node["alternate"]].flatMap((each) => textsOf(each as Node));
    case "LogicalExpression":
      return [node["left"], node["right"]].flatMap((each) => textsOf(each as Node));
    case "JSXExpressionContainer":
    case "ParenthesizedExpression":
    case "TSAsExpression":
      return textsOf(node["expression"] as Node);
    default:
      return [];
  }
}

function nameOf(node: unknown): string {
  const { name, value } = (node ?? {}) as { name?: unknown; value?: unknown }; // a spread attribute has no name
  return typeof name === "string" ? name : String(value);
}

/** The values of the attributes of an element that people read. */
function attributesOf(element: Node): readonly Node[] {
  const names = new Set([...READ, ...(/^[A-Z]/.test(nameOf(element["name"])) ? READ_OF_OURS : [])]);
  const attributes = element["attributes"] as Node[];
  return attributes
    .filter(({ name }) => names.has(nameOf(name)))
    .flatMap(({ value }) => (isNode(value) ? [value] : []));
}

const LETTERS = /\p{L}{2}/u;
const SENTENCE = /\p{L}{2,}[,.:;…!?”“]*\s+\p{L}/u;

/** Functions of the browser whose strings are selectors and media queries. */
const OF_BROWSERS = new Set(["matchMedia", "closest", "querySelector", "querySelectorAll", "matches"]);

/** Attributes and calls whose strings people never see. */
function isUnseen(node: Node): boolean {
  if (node.type === "JSXAttribute") return nameOf(node["name"]) === "className";
  if (node.type === "CallExpression") {
    const { property, ...callee } = node["callee"] as Node;
    return OF_BROWSERS.has(nameOf(property ?? callee));
  }
  if (node.type === "NewExpression") return nameOf(node["callee"]).endsWith("Error"); // for those who program
  return node.type.startsWith("Import") || node.type.startsWith("TS");
}

/** The texts in a file that people could read. */
function textsIn(path: string, source: string): readonly string[] {
  const found = new Map<number, string>();
  function note(texts: ReturnType<typeof textsOf>, pattern: RegExp): void {
    for (const [text, at] of texts) {
      if (pattern.test(text) && !EXCEPTIONS.has(text.trim())) found.set(at, text.trim());
    }
  }
  function walk(node: Node): void {
    if (isUnseen(node)) return;
    if (node.type === "JSXText") note([[String(node["value"]), node.start]], LETTERS);
    if (node.type === "JSXElement" || node.type === "JSXFragment") {
      note((node["children"] as Node[]).flatMap(textsOf), LETTERS);
    }
    if (node.type === "JSXOpeningElement") note(attributesOf(node).flatMap(textsOf), LETTERS);
    if (node.type === "Property" && SAID.has(nameOf(node["key"]))) note(textsOf(node["value"] as Node), LETTERS);
    note(textsOf(node), SENTENCE);
    childrenOf(node).forEach(walk);
  }
  walk(parseSync(path, source).program as unknown as Node);
  return [...found].map(([at, text]) => `${path.slice(3)}:${source.slice(0, at).split("\n").length} ${text}`);
}

test("no text is outside the catalogue", () => {
  expect(SOURCES.length).toBeGreaterThan(100);
  expect(SOURCES.flatMap(([path, source]) => textsIn(path, source))).toEqual([]);
});

test.each([
  ["a text of an element", "<p>Stop</p>"],
  ["a choice of texts", "<p>{on ? words.on : `Turned ${it}`}</p>"],
  ["a text beside a condition", '<p>{on && "on"}</p>'],
  ["a label for screen readers", '<i aria-label="Stop" />'],
  ["a label that is chosen", '<i title={on ? "On" : words.off} />'],
  ["a property of our components", '<Field hint="Why" />'],
  ["a sentence in a constant", 'const LATE = "It is late";'],
  ["a sentence with a value", "const late = (h: number) => `It is ${h} o’clock`;"],
  ["a short text of a failure", 'const failure = { code: "x", sentence: "Late" };'],
])("%s is found outside the catalogue", (_, source) => {
  expect(textsIn("../x.tsx", source)).toHaveLength(1);
});

test.each([
  ['<p className="card stack">{words.title}</p>'],
  ["<p>A3CP</p>"],
  ['<p>{tone === "busy" ? words.busy : 3} %</p>'],
  ['throw new Error("useThis needs a provider")'],
  ['import a from "a b";'],
])("%s is fine", (source) => {
  expect(textsIn("../x.tsx", source)).toEqual([]);
});
