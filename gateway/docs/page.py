"""Build ``/docs``: both documents as one HTML page, without JavaScript. No I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

__all__ = ["page"]

Document = dict[str, Any]

# relative links, so that a proxy may serve the gateway below any path
_NAVIGATION = (("demo/gesture", "Record a gesture"), ("live", "Live view"), ("upload", "Upload"))


def page(openapi: Document, asyncapi: Document, styles: Sequence[str], icons: Sequence[str]) -> str:
    """Build the page. ``styles`` and ``icons`` are the URLs of the other pages' stylesheets and icons."""
    schemas = asyncapi["components"]["schemas"] | openapi["components"]["schemas"]
    links = [f'<link rel="stylesheet" href="{escape(href)}">' for href in styles]
    links += [f'<link rel="icon" type="image/svg+xml" href="{escape(href)}">' for href in icons]
    navigation = "".join(f'<li><a href="{href}">{name}</a></li>' for href, name in _NAVIGATION)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Interfaces · A3CP</title>
{"".join(links)}
</head>
<body>
<a class="skip-link" href="#main">Skip to the page</a>
<header class="site-header"><div class="site-header-inner"><a class="brand" href="./">A3CP</a>
<nav aria-label="Pages"><ul class="nav">{navigation}
<li><a href="docs" aria-current="page">Interfaces</a></li></ul></nav>
</div></header>
<main id="main" class="page docs" tabindex="-1">
<h1>Interfaces</h1>
<p class="lead">The interfaces of version {escape(openapi["info"]["version"])} for programs.
For tools: <a href="docs/openapi.json">OpenAPI 3.1</a> and <a href="docs/asyncapi.json">AsyncAPI 3.0</a>.</p>
{_contents()}
{_section("http", "HTTP", _text(openapi["info"]["description"]) + _operations(openapi))}
{_section("sockets", "WebSockets", _text(asyncapi["info"]["description"]) + _channels(asyncapi, sockets=True))}
{_section("streams", "Redis streams", _channels(asyncapi, sockets=False))}
{_section("schemas", "Messages and types", "".join(_schema(name, made) for name, made in sorted(schemas.items())))}
</main>
</body>
</html>
"""


def _contents() -> str:
    parts = (
        ("http", "HTTP"),
        ("sockets", "WebSockets"),
        ("streams", "Redis streams"),
        ("schemas", "Messages and types"),
    )
    items = "".join(f'<li><a href="#{place}">{name}</a></li>' for place, name in parts)
    return f'<nav aria-label="On this page"><ul class="nav">{items}</ul></nav>'


def _section(place: str, title: str, body: str) -> str:
    return f'<section class="card stack" aria-labelledby="{place}"><h2 id="{place}">{title}</h2>{body}</section>'


def _inline(text: str) -> str:
    """Escape text for HTML, and turn `` `code` `` into ``<code>``."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))


def _text(text: str) -> str:
    """Convert text to HTML: paragraphs, and lists of the lines that begin with a dash."""
    made = []
    for block in re.split(r"\n\s*\n", text.strip()):
        if block.startswith("- "):
            items = "".join(f"<li>{_inline(line[2:])}</li>" for line in block.splitlines())
            made.append(f"<ul>{items}</ul>")
        else:
            made.append(f"<p>{_inline(block)}</p>")
    return "".join(made)


def _table(caption: str, heads: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>' for first, *rest in rows
    )
    name = escape(caption)
    return (
        f'<div class="table" role="region" aria-label="{name}" tabindex="0"><table><caption>{name}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _code(document: Any) -> str:
    text = json.dumps(document, indent=2, ensure_ascii=False)
    return f'<pre tabindex="0"><code>{escape(text, quote=False)}</code></pre>'


def _kind(schema: Document) -> str:
    """The type that a schema describes, as a short HTML text."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{escape(name)}">{escape(name)}</a>'
    for word, between in (("anyOf", " or "), ("oneOf", " or "), ("allOf", ", ")):
        if word in schema:
            return between.join(filter(None, (_kind(part) for part in schema[word])))
    if "const" in schema:
        return f"<code>{escape(json.dumps(schema['const']))}</code>"
    if "enum" in schema:
        return ", ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_kind(schema['additionalProperties'])}"
    return escape(schema.get("contentMediaType") or schema.get("type", ""))


_BOUNDS = {"minLength": "at least {} long", "maxLength": "at most {} long", "minimum": "≥ {}", "maximum": "≤ {}"}


def _bounds(schema: Document) -> str:
    found = [words.format(schema[name]) for name, words in _BOUNDS.items() if name in schema]
    found += [bound for part in schema.get("anyOf", ()) if (bound := _bounds(part))]
    return ", ".join(found)


def _schema(name: str, schema: Document) -> str:
    made = f'<article class="stack" aria-labelledby="{name}"><h3 id="{name}">{name}</h3>'
    made += _text(schema.get("description", ""))
    if "properties" in schema:
        needed = schema.get("required", ())
        rows = [
            (f"<code>{escape(field)}</code>", _kind(of), "yes" if field in needed else "",
             " ".join(filter(None, (_inline(of.get("description", "")), _bounds(of)))))
            for field, of in schema["properties"].items()
        ]  # fmt: skip
        made += _table(f"Fields of {name}", ("Field", "Type", "Needed", "Notes"), rows)
    else:
        pattern = f" <code>{escape(schema['pattern'])}</code>" if "pattern" in schema else ""
        made += f"<p>{_kind(schema)}{pattern}</p>"
    for example in schema.get("examples", ()):
        made += f"<details><summary>Example of {name}</summary>{_code(example)}</details>"
    return made + "</article>"


def _operations(openapi: Document) -> str:
    made = ""
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            place = operation["operationId"]
            made += f'<article class="stack" aria-labelledby="{place}"><h3 id="{place}">'
            made += f"<code>{method.upper()} {escape(path)}</code></h3><p>{_inline(operation['summary'])}.</p>"
            made += _text(operation["description"]) if "description" in operation else ""
            made += "<p>Needs no token.</p>" if operation.get("security") == [] else ""
            for kind, content in operation.get("requestBody", {}).get("content", {}).items():
                made += f"<p>Send {_kind(content['schema'])} as <code>{kind}</code>.</p>"
            rows = [(status, _content(answer), _text(answer["description"])) for status, answer in
                    operation["responses"].items()]  # fmt: skip
            made += _table(f"Answers of {method.upper()} {path}", ("Status", "Body", "When"), rows) + "</article>"
    return made


def _content(answer: Document) -> str:
    kinds = [_kind(content["schema"]) if "schema" in content else f"<code>{kind}</code>"
             for kind, content in answer.get("content", {}).items()]  # fmt: skip
    return " or ".join(kind.removesuffix(", object") for kind in kinds)


def _channels(asyncapi: Document, *, sockets: bool) -> str:
    made = ""
    operations = asyncapi["operations"].values()
    for name, channel in asyncapi["channels"].items():
        if ("x-close-codes" in channel) != sockets:
            continue
        place = f"channel-{name}"
        made += f'<article class="stack" aria-labelledby="{place}"><h3 id="{place}">{escape(channel["title"])}</h3>'
        made += f"<p><code>{escape(channel.get('x-redis-key', channel['address']))}</code></p>"
        made += _text(channel["description"])
        rows = []
        for message in channel["messages"]:
            actions = {o["action"] for o in operations if any(m["$ref"].endswith(f"/{name}/messages/{message}")
                                                                for m in o["messages"])}  # fmt: skip
            described = asyncapi["components"]["messages"][message]
            way = "to the server" if actions == {"receive"} else "to the client"
            rows.append((_kind(described["payload"]) if "$ref" in described["payload"] else escape(message),
                         way if sockets else "entry", _inline(described["summary"])))  # fmt: skip
        made += _table(f"Messages of {channel['title']}", ("Message", "Direction", "Meaning"), rows)
        if sockets:
            made += _closes(channel)
        made += "</article>"
    return made


def _closes(channel: Document) -> str:
    rows = [
        (str(close["close"]), f"<code>{close['reason']}</code>" if close["reason"] else "",
         "yes" if close.get("abort") else "", _inline(close["when"]))
        for close in channel["x-close-codes"]
    ]  # fmt: skip
    return _table(f"How {channel['title']} is closed", ("Close code", "Reason", "Abort first", "When"), rows)
