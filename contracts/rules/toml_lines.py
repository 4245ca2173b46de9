"""Where the values of a TOML text are, so that a mistake can be shown with its line. No I/O.

`tomllib` gives values without their places. A statement of TOML, a key or a table's head, begins on a line of its own.
So this parses statement by statement: lines are added to one until `tomllib` can read it.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Mistake", "Place", "TomlLines", "mistakes_at", "read_toml"]


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a file: its line from 1, None if it is not in one line, and a sentence."""

    line: int | None
    text: str


def read_toml(text: str) -> dict[str, Any] | Mistake:
    """Parse a text. Returns its document, or why it is no TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return _syntax(str(error), text)
    except (ValueError, RecursionError) as error:  # tomllib passes on what int() says of 5,000 digits
        why = str(error) if isinstance(error, ValueError) else "it is nested too deeply"
        return Mistake(None, f"this is no TOML that can be read: {why}")


Place = Sequence[str | int]
"""Where a value is in a document: keys, and numbers of elements from 0."""


def mistakes_at(text: str, found: Iterable[tuple[Place, str]]) -> list[Mistake]:
    """Mistakes in values of a valid TOML text, each with its sentence, in the order of their lines."""
    found = list(found)
    lines = TomlLines(text) if found else None  # once: with 1,000 mistakes each would parse all again
    mistakes = [Mistake(lines.line_of(place), f"{_words(place)}: {why}") for place, why in found if lines]
    return sorted(mistakes, key=lambda each: each.line or 0)


def _words(place: Place) -> str:
    where = ""
    for part in place:
        where += f" {part + 1}" if isinstance(part, int) else f", {part}" if where else part
    return where


_AT = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


def _syntax(error: str, text: str) -> Mistake:
    """What `tomllib` says, which names the line only in its text on Python before 3.14."""
    found = _AT.search(error)
    line = int(found[1]) if found and found[1] else text.rstrip().count("\n") + 1
    return Mistake(line, f"this is no TOML: {_AT.sub('', error)}")


_ENDS = ('"""', "'''", "]", "}")
"""A statement of several lines ends in a line with one of these."""


class TomlLines:
    """The lines of a valid TOML document, from 1. Others give too few."""

    def __init__(self, text: str) -> None:
        self._lines: dict[str, int] = {}
        self._arrays: Counter[str] = Counter()
        table = ""
        for number, source, document in _statements(text):
            if source.lstrip().startswith("["):
                table = self._head(list(_keys(document)), is_array=source.lstrip().startswith("[["))
                self._lines.setdefault(table, number)
            else:
                for path in _paths(document):
                    self._lines.setdefault(f"{table}.{path}" if table else path, number)

    def line_of(self, place: Sequence[str | int]) -> int | None:
        """The line of the statement with the value at ``place``: keys, and numbers of elements from 0. If the value is
        missing, the line of what should have it; None for the whole document."""
        parts = list(map(str, place))
        while parts:
            if (line := self._lines.get(".".join(parts))) is not None:
                return line
            parts.pop()
        return None

    def _head(self, keys: list[str], *, is_array: bool) -> str:
        """The path of a table. In an array of tables a head is about the array's last element."""
        path = ""
        for index, key in enumerate(keys):
            path = f"{path}.{key}" if path else key
            if is_array and index == len(keys) - 1:
                self._arrays[path] += 1
            if self._arrays[path]:
                path += f".{self._arrays[path] - 1}"
        return path


def _statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Each statement: its first line's number, its text, and what it says alone."""
    waiting: list[str] = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        waiting.append(line)
        if len(waiting) > 1 and not any(end in line for end in _ENDS):
            continue
        source = "\n".join(waiting)
        try:
            document = tomllib.loads(source)
        except tomllib.TOMLDecodeError:
            continue
        if document:
            yield number + 1 - len(waiting), source, document
        waiting = []


def _keys(document: Any) -> Iterator[str]:
    """The keys of a table's head, which is parsed as tables that have one key each."""
    while isinstance(document, dict) and document:
        ((key, document),) = document.items()
        yield key


def _paths(value: Any, prefix: str = "") -> Iterator[str]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        path = f"{prefix}{key}"
        yield path
        yield from _paths(inner, f"{path}.")
