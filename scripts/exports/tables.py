"""Files that go beside a format's own: a table of all captures, and all that is known of each. No I/O."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import orjson

from scripts.exports.capture import VerifiedCapture

__all__ = ["CapturesTable", "File", "Table", "cell_text", "json_file"]


class File(NamedTuple):
    """One file of an export: its place in the folder, with ``/`` on every system, and its bytes."""

    path: str
    content: bytes


class Table:
    """A CSV file in UTF-8. The first row's keys are its head, lines end in ``\\n``; None is empty, a bool ``true`` or
    ``false``, a text its `cell_text`. What is held of a row is its line."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._text = io.StringIO()

    def add(self, row: Mapping[str, Any]) -> None:
        """One more row, with the keys of the first."""
        if not self._text.tell():
            self._text.write(_line(row))
        self._text.write(_line(row.values()))

    def file(self) -> File:
        """The table of what was added."""
        return File(self._path, self._text.getvalue().encode())


class CapturesTable:
    """``captures.csv``, one line per capture, and ``metadata/<record_id>.json`` of each, with its frames' times."""

    def __init__(self) -> None:
        self._table = Table("captures.csv")

    def add(self, capture: VerifiedCapture, path: str) -> File:
        """Note a capture whose landmarks are in the file ``path``; returns its metadata's file."""
        facts = {"path": path, **capture.facts()}
        self._table.add(facts)
        frames = {name: values.tolist() for name, values in capture.frame_facts().items()}
        return json_file(f"metadata/{capture.record_id}.json", {**facts, **frames})

    def file(self) -> File:
        """The table of what was noted."""
        return self._table.file()


def _line(cells: Iterable[Any]) -> str:
    text = io.StringIO()
    # csv quotes a lone \r only if it is part of the line end, and readers would treat an unquoted one as a line end
    csv.writer(text, lineterminator="\r\n").writerow(map(_cell, cells))
    return text.getvalue().removesuffix("\r\n") + "\n"


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return cell_text(value)
    return str(value).lower() if isinstance(value, bool) else value


_SPACE = r"(?:[^\S\t\r\n]|[\x00-\x08\x0e-\x1f\x7f\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff])"
_SIGN = r"[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u207a\u207b\u207c\u2212]"
_FORMULA = re.compile(rf"(\A(?='*[\t\r\n])|(?:\A|[;|\t\r\n])(?='*{_SPACE}*{_SIGN}))")


def cell_text(text: str) -> str:
    """``text`` with an apostrophe before whatever a spreadsheet would take for the beginning of a formula: ``= + - @``,
    in their wide, small and raised forms too, behind spaces too, and a tab or the end of a line.

    They are looked for behind a semicolon, a bar and a tab as well: where a comma is the decimal sign, spreadsheets
    split cells at these. A text that has the apostrophe already gets one more, so that taking one away gives it back.
    """
    return _FORMULA.sub(r"\1'", text)


def json_file(path: str, document: Any) -> File:
    """JSON for people and programs."""
    return File(path, orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
