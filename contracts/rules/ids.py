"""The types of identifiers and times in messages. They are strict, so that an identifier can safely be part of a path
or of a Redis key."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, StringConstraints

__all__ = [
    "MOST",
    "Identifier",
    "RecordId",
    "SchemaVersion",
    "SessionId",
    "UtcDatetime",
    "check_identifier",
    "format_utc",
    "is_entry_id",
    "is_identifier",
    "is_record_id",
    "is_session_id",
    "parse_utc",
    "read_count",
    "SCHEMA_VERSION",
]

SCHEMA_VERSION = "1.0.1"

# \z, not $: in Python, $ also matches before a final newline.
_IDENTIFIER = r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}\z"
_RECORD_ID = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}\z"
_SESSION_ID = r"^sess_[0-9a-f]{16}\z"
_VERSION = r"^1\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\z"

Identifier = Annotated[str, StringConstraints(strict=True, pattern=_IDENTIFIER)]
"""``user_id``, ``capture_id``, ``performer_id``, ``device_id``: 1–128 of ``A–Z a–z 0–9 . _ -``,
not starting with a dot."""

RecordId = Annotated[str, StringConstraints(strict=True, pattern=_RECORD_ID)]
"""A UUIDv4 in its hyphenated text form, kept as the client wrote it."""

SessionId = Annotated[str, StringConstraints(strict=True, pattern=_SESSION_ID)]
"""``sess_`` + 16 lowercase hex digits; only the session manager creates one."""

SchemaVersion = Annotated[str, StringConstraints(strict=True, pattern=_VERSION)]
"""``MAJOR.MINOR.PATCH`` of major version 1."""


def _matcher(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace(r"\z", r"\Z"))


_identifier, _record_id, _session_id = map(_matcher, (_IDENTIFIER, _RECORD_ID, _SESSION_ID))


def is_identifier(text: str) -> bool:
    """Whether ``text`` may be a ``user_id``, ``capture_id``, ``performer_id`` or ``device_id``."""
    return _identifier.match(text) is not None


def check_identifier(text: str) -> str:
    """The same text.

    Raises:
        ValueError: it is no identifier; the text says what one is.
    """
    if not is_identifier(text):
        raise ValueError("use 1-128 of A-Z a-z 0-9 . _ -, not starting with a dot")
    return text


def is_record_id(text: str) -> bool:
    """Whether ``text`` is a UUIDv4 in its hyphenated form."""
    return _record_id.match(text) is not None


def is_session_id(text: str) -> bool:
    """Whether ``text`` has the form of a session id (it may still be unknown)."""
    return _session_id.match(text) is not None


def is_entry_id(text: str) -> bool:
    """Whether ``text`` is a complete ID of a Redis stream entry, ``<milliseconds>-<sequence>``."""
    parts = text.split("-")
    return len(parts) == 2 and all(_DIGITS.fullmatch(part) and int(part) < 2**64 for part in parts)


_DIGITS = re.compile(r"[0-9]{1,20}")
MOST = 2**53
"""The largest count that is read from a broker. Lua numbers are doubles, which are exact up to here."""


def read_count(text: str | bytes | None) -> int:
    """Read a count from a broker's text; 0 if there is none.

    Raises:
        ValueError: it is not a whole number from 0 to `MOST`.
    """
    if not text:
        return 0
    digits = text.decode("ascii") if isinstance(text, bytes) else text
    if not _DIGITS.fullmatch(digits) or int(digits) > MOST:
        raise ValueError("not a count")
    return int(digits)


_ISO_8601 = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?"
    r"(Z|[+-]\d{2}(:?[0-5]\d)?)?\Z",  # fromisoformat itself takes +02:99
    re.ASCII,
)


def parse_utc(text: str) -> datetime:
    """Read an ISO 8601 date and time; without an offset it is UTC.

    Raises:
        ValueError: ``text`` is not a date and time, or lies outside the years 1 to 9999.
    """
    if not _ISO_8601.match(text):
        raise ValueError("not an ISO 8601 date and time")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time is out of range") from None


def format_utc(moment: datetime) -> str:
    """Format a time as ``2026-01-31T12:00:00.000Z``: UTC, with milliseconds (cut, not rounded) and ``Z``."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds")[: -len("+00:00")] + "Z"


def _to_datetime(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    if not isinstance(value, str):
        raise ValueError("a time is an ISO 8601 string")
    return parse_utc(value)


UtcDatetime = Annotated[
    datetime,
    BeforeValidator(_to_datetime),
    PlainSerializer(format_utc, return_type=str, when_used="json"),
]
"""A moment in UTC; in JSON it is ISO 8601, and this system writes it with milliseconds and ``Z``."""
