"""The files beside a format's own: a table of all captures, and one JSON file with the facts of each. No I/O."""

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
    """One file of an export: its path in the folder, with ``/`` on every system, and its bytes."""

    path: str
    content: bytes


class Table:
    """A CSV file in UTF-8. The first row's keys are its head, and lines end in ``\\n``. None is written as an empty
    cell, a bool as ``true`` or ``false``, a text as its `cell_text`. Only the lines are kept in memory."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._text = io.StringIO()

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row, which has the keys of the first row."""
        if not self._text.tell():
            self._text.write(_line(row))
        self._text.write(_line(row.values()))

    def file(self) -> File:
        """The file, with the rows so far."""
        return File(self._path, self._text.getvalue().encode())


class CapturesTable:
    """``captures.csv``, with a line per capture, and a ``metadata/<record_id>.json`` each, which also has its frames'
    times."""

    def __init__(self) -> None:
        self._table = Table("captures.csv")

    def add(self, capture: VerifiedCapture, path: str) -> File:
        """Add a capture whose landmarks are in the file ``path``; returns its metadata file."""
        facts = {"path": path, **capture.facts()}
        self._table.add(facts)
        frames = {name: values.tolist() for name, values in capture.frame_facts().items()}
        return json_file(f"metadata/{capture.record_id}.json", {**facts, **frames})

    def file(self) -> File:
        """``captures.csv``, with the captures so far."""
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
    """Put an apostrophe before each beginning of a formula for a spreadsheet: ``= + - @``, also in their wide, small
    and raised forms and after spaces, and a tab or a line break.

    The signs count after a semicolon, a bar or a tab too, because spreadsheets split cells there where a comma is the
    decimal sign. A text with an apostrophe there gets a second one, so removing one always restores the text, but for a
    NUL: it becomes U+FFFD, because readers such as pandas end a text there.
    """
    return _FORMULA.sub(r"\1'", text.replace("\0", "\ufffd"))


def json_file(path: str, document: Any) -> File:
    """A JSON file, indented."""
    return File(path, orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
