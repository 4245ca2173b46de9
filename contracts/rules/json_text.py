"""JSON as RFC 8259 has it: no valid number is too large or too small, and nothing that only JavaScript knows is taken.

orjson, which reads everything else here, is quicker and refuses some valid texts (``1e400``, ``\\ud800``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import orjson

__all__ = ["MAX_DEPTH", "load_json", "parse_object"]

_SURE_DIGITS = 18
MAX_DEPTH = 200
"""Python 3.11 and 3.12 give up at different depths, and earlier the deeper the caller is; orjson writes 254 levels."""


def load_json(text: str, object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """The document that ``text`` is. Integers of more than 18 digits come as floats.

    Raises:
        ValueError: it is not JSON, or lists and objects are nested in more than `MAX_DEPTH` levels.
    """
    try:
        document = json.loads(
            text, parse_int=_integer, parse_constant=_refuse_constant, object_pairs_hook=object_pairs_hook
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at character {error.pos}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if text.count("[") + text.count("{") > MAX_DEPTH and _is_too_deep(document):
        raise ValueError("it is nested too deeply")
    return document


def parse_object(text: bytes) -> dict[str, Any]:
    """Parse the JSON object ``text`` for its fields.

    Raises:
        ValueError: it is not UTF-8, not JSON, or not an object.
    """
    try:
        document = orjson.loads(text)  # five times as quick; what it takes is JSON
    except orjson.JSONDecodeError:
        document = _load_rare(text)
    if not isinstance(document, dict):
        raise ValueError("it is not an object")
    return document


def _load_rare(text: bytes) -> Any:
    try:
        return load_json(text.decode("utf-8"))
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None


def _is_too_deep(document: Any) -> bool:
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [value for inner in level for value in _values(inner)]
    return any(isinstance(value, list | dict) for value in level)


def _values(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _integer(token: str) -> int | float:
    return int(token) if len(token) <= _SURE_DIGITS else float(token)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
