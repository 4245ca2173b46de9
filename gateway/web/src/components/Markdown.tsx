import { lexer, type MarkedToken, type Token } from "marked";
import { createElement, Fragment, useMemo, type ReactNode } from "react";

import { useWords } from "../words";

export interface MarkdownProps {
  readonly text: string;
  /** The level of the text's highest headings: 3 below a card's title. */
  readonly top?: number;
}

/**
 * Shows Markdown as elements of the page. It makes no HTML from the text: tags are shown as they are written, comments are
 * left out, a picture is its description, and a link leads to another site, a mail address or a telephone number.
 */
export function Markdown({ text, top = 3 }: MarkdownProps) {
  const tokens = useMemo(() => lexer(text.replace(/^\uFEFF/, "")), [text]);
  return <div className="markdown">{all(tokens, top)}</div>;
}

/** The elements of these tokens. They are arguments and no list, so that they need no keys: they never change places. */
function all(tokens: readonly Token[], top: number): ReactNode {
  return createElement(Fragment, null, ...tokens.map((token) => one(token as MarkedToken, top)));
}

function one(token: MarkedToken, top: number): ReactNode {
  const inside = () => ("tokens" in token && token.tokens ? all(token.tokens, top) : decoded(token.raw));
  switch (token.type) {
    case "heading":
      return createElement(`h${Math.min(top + token.depth - 1, 6)}`, null, inside());
    case "paragraph":
      return <p>{inside()}</p>;
    case "text":
      return token.tokens ? inside() : decoded(token.text);
    case "escape":
      return token.text;
    case "strong":
      return <strong>{inside()}</strong>;
    case "em":
      return <em>{inside()}</em>;
    case "del":
      return <del>{inside()}</del>;
    case "blockquote":
      return <blockquote>{inside()}</blockquote>;
    case "link":
      return <Outside href={token.href}>{inside()}</Outside>;
    case "list":
      return <List token={token} top={top} />;
    case "table":
      return <Table token={token} top={top} />;
    case "code":
      return <pre>{token.text}</pre>;
    case "codespan":
      return <code>{token.text}</code>;
    case "br":
      return <br />;
    case "hr":
      return <hr />;
    case "checkbox":
      return token.checked ? "☑ " : "☐ ";
    case "image":
      return token.text;
    case "html":
      return token.raw.replace(/<!--.*?-->/gs, ""); // what follows a comment in its line belongs to the token
    default: // blank lines, and the addresses of links
      return null;
  }
}

type Of<Type extends MarkedToken["type"]> = {
  readonly token: Extract<MarkedToken, { type: Type }>;
  readonly top: number;
};

function List({ token, top }: Of<"list">) {
  const items = token.items.map((item) => createElement("li", null, all(item.tokens, top)));
  return token.ordered
    ? createElement("ol", { start: Number(token.start) }, ...items)
    : createElement("ul", null, ...items);
}

function Table({ token, top }: Of<"table">) {
  const row = (cells: typeof token.header) =>
    createElement(
      "tr",
      null,
      ...cells.map((cell) => createElement(cell.header ? "th" : "td", null, all(cell.tokens, top))),
    );
  return (
    <table>
      <thead>{row(token.header)}</thead>
      {createElement("tbody", null, ...token.rows.map(row))}
    </table>
  );
}

/** A link to another place, in a new tab, so that what the person has entered here stays. */
function Outside({ href, children }: { readonly href: string; readonly children: ReactNode }) {
  const { common } = useWords();
  if (!/^(?:https?|mailto|tel):/i.test(href)) return children;
  return (
    <a href={href} target="_blank" rel="noreferrer">
      {children} <span className="visually-hidden">{common.newTab}</span>
    </a>
  );
}

/** Replaces references such as `&nbsp;`, which Markdown has in its texts, by their characters. */
function decoded(text: string): string {
  return text.replace(/&(?:#\d{1,7}|#x[\da-f]{1,6}|[a-z]\w*);/gi, (reference) => {
    const { body } = new DOMParser().parseFromString(reference, "text/html");
    return body.textContent ?? reference;
  });
}
