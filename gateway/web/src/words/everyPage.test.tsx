import { render, screen, waitFor, within } from "@testing-library/react";

import { App } from "../App";
import { ROUTES } from "../routes";
import { captureOf, FakeLibrary } from "../test/fakeLibrary";
import { installLiveSockets, PIPELINES } from "../test/liveSocket";
import { installCamera } from "../test/media";
import { answer, FakeServer, refusal } from "../test/server";
import { chooseLanguage } from "./language";
import { CATALOGUE } from "./index";

type Texts = string | ((...values: never[]) => string) | { [name: string]: Texts };

/** The same texts between marks, so that what comes from elsewhere is seen on a page. */
function marked(texts: Texts): Texts {
  if (typeof texts === "string") return texts && `⟦${texts}⟧`;
  if (typeof texts === "function") return (...values) => `⟦${texts(...values)}⟧`;
  return Object.fromEntries(Object.entries(texts).map(([name, inner]) => [name, marked(inner)]));
}

/** What people and the server gave, and names: no page translates them. */
const GIVEN = /A3CP|English|Deutsch|[a-z]+_id|anna|ben|more|bea|capture-\d|Study\w*|sess_\w+|[0-9a-f-]{36}|\bNov\.?\b/g;

const ATTRIBUTES = ["aria-label", "aria-valuetext", "title", "placeholder", "alt"];

/** All texts of the page that people read or hear, one for each node. */
function shown(): readonly string[] {
  const texts: string[] = [];
  const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (nodes.nextNode()) {
    if (!nodes.currentNode.parentElement?.closest("code, .code, kbd")) texts.push(nodes.currentNode.textContent ?? "");
  }
  for (const element of document.body.querySelectorAll("*")) {
    texts.push(...ATTRIBUTES.map((name) => element.getAttribute(name) ?? ""));
  }
  return texts;
}

/** What is left of a text without the parts that are marked or given. */
function rest(text: string): string {
  const inner = text.replace(/⟦[^⟦⟧]*⟧/g, "");
  return inner === text ? text.replace(GIVEN, "") : rest(inner);
}

const unmarked = () => shown().filter((text) => /\p{L}{2}/u.test(rest(text)));

const DATA = [
  captureOf("a", { quality: { verdict: "check", reasons: ["hands_still"] } as never }),
  captureOf("b", { label: null, participant: "ben", consent: "refused", review: "redo" }),
  captureOf("c", { state: "withdrawn", consent: "withdrawn" }),
];

beforeEach(() => {
  const before = { ...CATALOGUE.de };
  Object.assign(CATALOGUE.de, marked(CATALOGUE.en as unknown as Texts));
  chooseLanguage("de");
  installLiveSockets();
  installCamera(() => Promise.reject(new DOMException("", "NotFoundError")));
  sessionStorage.setItem("a3cp.people", JSON.stringify(["anna"]));
  sessionStorage.setItem("a3cp.performers", JSON.stringify(["bea"]));
  const server = new FakeServer()
    .on("GET /readyz", () => refusal(500, "nothing"))
    .on("GET /pipelines", () => answer([{ ...PIPELINES[0], title: "Study" }]))
    .on("GET /camera_feed_worker/limits", () => answer({}))
    .on("GET /studies", () => answer({ studies: [], unreadable: ["Study"] }))
    .on("GET /library/captures", () => answer({ captures: DATA, next: null, total: DATA.length }));
  new FakeLibrary(server, DATA, []).serve();
  return () => Object.assign(CATALOGUE.de, before);
});

/** What is there when the server's answers are shown. */
const LOADED: Readonly<Record<string, string>> = {
  "/live": "combobox",
  "/upload": "textbox",
  "/library": "grid",
  "/library/capture/{capture_id}": "slider",
  "/library/person/{user_id}": "list",
};

test.each([...ROUTES.map(({ path }) => path), "/nothing"])(
  "%s has no text that is not in the catalogue",
  async (path) => {
    window.history.replaceState(null, "", path.replace("{capture_id}", "a").replace("{user_id}", "anna"));
    render(<App />);
    await waitFor(() =>
      expect(within(screen.getByRole("main")).getAllByRole(LOADED[path] ?? "heading")).not.toEqual([]),
    );
    expect(unmarked()).toEqual([]);
  },
);

test("a text from elsewhere is found", () => {
  render(<p title="⟦Stop⟧">⟦Stop⟧ now</p>);
  expect(unmarked()).toEqual(["⟦Stop⟧ now"]);
});
