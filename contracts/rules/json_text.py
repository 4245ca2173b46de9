"""Read JSON as RFC 8259 defines it: accept numbers of any size, and refuse JavaScript's ``NaN`` and ``Infinity``.

orjson is faster and reads most texts, but refuses some valid ones (``1e400``, ``\\ud800``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import orjson

__all__ = ["MAX_DEPTH", "load_json", "parse_object", "paths_of"]

_SURE_DIGITS = 18
MAX_DEPTH = 200
"""The deepest nesting that is accepted. It is below the limits of the libraries: Python's ``json`` fails at a depth
that varies with the version and the caller's stack, and orjson writes 254 levels."""


def load_json(text: str, object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """Parse a JSON document. Integers of more than 18 digits become floats.

    Raises:
        ValueError: ``text`` is not JSON, or its lists and objects are nested more than `MAX_DEPTH` levels deep.
    """
    try:
        document = json.loads(
            text, parse_int=_integer, parse_constant=_refuse_constant, object_pairs_hook=object_pairs_hook
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at character {error.pos}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    # counting brackets is cheap, and most documents end here; brackets may also occur in strings
    if text.count("[") + text.count("{") > MAX_DEPTH and _is_too_deep(document):
        raise ValueError("it is nested too deeply")
    return document


def parse_object(text: bytes) -> dict[str, Any]:
    """Parse a JSON object into a dict.

    Raises:
        ValueError: ``text`` is not UTF-8, not JSON, or not an object.
    """
    try:
        document = orjson.loads(text)  # five times as fast as json.loads, and accepts only valid JSON
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


def paths_of(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each value of a document of objects, with its path: ``found.left_hand``."""
    for name, value in document.items():
        if isinstance(value, Mapping):
            yield from paths_of(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
