"""Files that go beside a format's own: a table of all captures, and all that is known of each. No I/O."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from scripts.exports.capture import Capture

__all__ = ["CapturesTable", "File", "csv_file", "json_file"]


class File(NamedTuple):
    """One file of an export: its place in the folder, with ``/`` on every system, and its bytes."""

    path: str
    content: bytes


class CapturesTable:
    """``captures.csv``, one line per capture, and ``metadata/<record_id>.json`` of each, with its frames' times."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []

    def add(self, capture: Capture, path: str) -> File:
        """Note a capture whose landmarks are in the file ``path``; returns its metadata's file."""
        facts = {"path": path, **capture.facts()}
        self._rows.append(facts)
        frames = {name: values.tolist() for name, values in capture.frame_facts().items()}
        return json_file(f"metadata/{capture.record_id}.json", {**facts, **frames})

    def file(self) -> File:
        """The table of what was noted."""
        return csv_file("captures.csv", list(self._rows[0]) if self._rows else [], self._rows)


def csv_file(path: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> File:
    """A table in UTF-8 with a head and ``\\n`` at the ends of lines; None is empty, a bool ``true`` or ``false``."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)
    return File(path, text.getvalue().encode())


def _cell(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def json_file(path: str, document: Any) -> File:
    """JSON for people and programs."""
    return File(path, orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
