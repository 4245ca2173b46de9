"""Turn the parameters of a list into SQL, and places in it into cursors. No I/O.

A list is ordered by time, then by ids, so a cursor is the last row that a client has: captures that are recorded
meanwhile are before the first page and shift nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from contracts.messages.library import LibraryQuery
from contracts.rules.errors import RequestRefused
from contracts.rules.ids import format_utc
from contracts.storage.capture_facts import label_of

__all__ = ["PLACE_COLUMNS", "Condition", "Place", "condition_of", "next_cursor", "read_cursor", "search_text", "shows"]

Place = tuple[str, str, str, str]
"""A row's recorded_at, capture_id, session_id and user_id: `PLACE_COLUMNS`."""

PLACE_COLUMNS = "recorded_at, capture_id, session_id, user_id"

_EQUAL = ("user_id", "participant", "session_id", "consent", "state", "study", "prompt")
_OR_NONE = ("quality", "review")


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on captures: SQL with placeholders, and their values."""

    sql: str
    values: tuple[str, ...]

    def after(self, place: Place | None) -> Condition:
        """Add that rows come after ``place`` in the list."""
        if place is None:
            return self
        return Condition(f"{self.sql} AND ({PLACE_COLUMNS}) < (?, ?, ?, ?)", (*self.values, *place))


def condition_of(query: LibraryQuery, people: frozenset[str] | None = None) -> Condition:
    """The condition that all parameters but the cursor and the limit set. ``people`` as for `shows`."""
    parts: list[tuple[str, Sequence[str]]] = [shows(people)]
    for name in _EQUAL:
        if (value := getattr(query, name)) is not None:
            parts.append((f"{name} = ?", (value,)))
    for name in _OR_NONE:
        if (value := getattr(query, name)) is not None:
            parts.append((f"{name} IS NULL", ()) if value == "none" else (f"{name} = ?", (value,)))
    if query.label is not None:
        label = label_of(query.label)
        parts.append(("label = ?", (label,)) if label else ("label IS NULL", ()))
    if query.since is not None:
        parts.append(("recorded_at >= ?", (format_utc(query.since),)))
    if query.until is not None:
        parts.append(("recorded_at < ?", (format_utc(query.until),)))
    for word in search_text(query.search).split():
        parts.append(("instr(search, ?) > 0", (word,)))
    return Condition(" AND ".join(sql for sql, _ in parts), tuple(value for _, values in parts for value in values))


def shows(people: frozenset[str] | None) -> tuple[str, tuple[str, ...]]:
    """The condition that captures are recorded and show one of these people; None stands for all."""
    if people is None:
        return "recorded_at IS NOT NULL", ()
    places = ", ".join("?" * len(people))
    return f"recorded_at IS NOT NULL AND participant IN ({places})", tuple(sorted(people))


def search_text(*texts: str | None) -> str:
    """The texts, one a line, so that two ways to write one word are the same: composed (NFC), and without case."""
    return "\n".join(unicodedata.normalize("NFC", text).casefold() for text in texts if text)


def next_cursor(condition: Condition, place: Sequence[str]) -> str:
    """The cursor of the page after the row at ``place``."""
    return base64.urlsafe_b64encode(orjson.dumps([*place, _digest(condition)])).decode().rstrip("=")


def read_cursor(condition: Condition, cursor: str | None) -> Place | None:
    """The place at which a page begins; None for the first page.

    Raises:
        RequestRefused: 400 ``invalid_cursor``: no page has given it, or one with other parameters.
    """
    if cursor is None:
        return None
    try:
        parts: Any = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        *place, digest = parts
    except (ValueError, TypeError, binascii.Error):
        place, digest = [], ""
    if len(place) != 4 or not all(isinstance(part, str) for part in place) or digest != _digest(condition):
        detail = "The cursor is not the `next` of a page with the same parameters."
        raise RequestRefused(400, "invalid_cursor", detail)
    return place[0], place[1], place[2], place[3]


def _digest(condition: Condition) -> str:
    return hashlib.sha256(orjson.dumps([condition.sql, condition.values])).hexdigest()[:16]
