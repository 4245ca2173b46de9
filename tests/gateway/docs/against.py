"""Check an answer against the OpenAPI document."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from gateway.docs.openapi import openapi

DOCUMENT = openapi("0.0.0")


@cache
def _paths() -> list[tuple[re.Pattern[str], str]]:
    """Literal addresses before those with parameters."""
    paths = sorted(DOCUMENT["paths"], key=lambda path: path.count("{"))
    return [(re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)) + r"\Z"), path) for path in paths]


def schema_of(name: str) -> dict[str, Any]:
    """A schema of the document, with all schemas that it refers to."""
    return {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}


def documented(answer: httpx.Response) -> bool:
    """Check that the document has the answer for its route; false if no route has the address and method."""
    method, path = answer.request.method.lower(), answer.request.url.path
    found = next((name for pattern, name in _paths() if pattern.match(path)), None)
    operation = DOCUMENT["paths"].get(found, {}).get("get" if method == "head" else method)
    if operation is None:
        assert answer.status_code in (401, 403, 404, 405), f"{method} {path}"
        return False
    where = f"{method} {found}: {answer.status_code} {answer.text[:200]!r}"
    assert str(answer.status_code) in operation["responses"], where
    content = operation["responses"][str(answer.status_code)]["content"]
    kind = answer.headers.get("content-type", "").partition(";")[0]
    assert kind in content, (where, kind)
    if kind == "application/json" and method != "head":
        whole = {**content[kind]["schema"], "components": DOCUMENT["components"]}
        problems = [error.message for error in Draft202012Validator(whole).iter_errors(answer.json())]
        assert not problems, (where, problems)
    return True
