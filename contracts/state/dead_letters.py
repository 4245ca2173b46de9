"""Dead letters, in the events role: entries that can never be appended, with the reason. They are bounded by age,
number and bytes, so that they cannot fill the broker; the oldest are removed first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from contracts.broker import keys
from contracts.broker.script import Argument, Call
from contracts.rules.formats import written
from contracts.rules.ids import format_utc
from contracts.state.events import Receipt
from contracts.state.recording import RECEIPT_TTL_S

__all__ = ["DEAD_TTL_MS", "Lost", "dead_letter", "dead_letter_tail"]

MAX_DEAD = 10_000
"""About how many are kept."""

MAX_DEAD_BYTES = 64 * 1024 * 1024
"""How many bytes are kept by default: the lengths of all names and values."""

MAX_VALUE_BYTES = 8 * 1024 * 1024
"""A longer value is cut to this length."""

DEAD_TTL_MS = 30 * 24 * 3600 * 1000


class Lost(NamedTuple):
    """How many dead letters were removed to keep the bounds: those that were too old, and those that made room."""

    expired: int
    for_room: int


def dead_letter(
    entry_id: str,
    receipt: Receipt,
    fields: Mapping[bytes, bytes],
    dead_at: datetime,
    capture_id: str = "",
    *,
    max_bytes: int = MAX_DEAD_BYTES,
) -> Call[Lost]:
    """Remove an event that can never be appended, and keep it as a dead letter with the receipt's reason. Without
    ``fields`` the event is removed and not kept."""
    entry: list[Argument] = [entry_id, receipt.encode(), RECEIPT_TTL_S, capture_id, receipt.error]
    letter = _letter(receipt.error, receipt.detail, dead_at, {b"entry_id": entry_id.encode(), **fields})
    arguments = [keys.RECORDER_GROUP, *entry, MAX_DEAD, max_bytes, DEAD_TTL_MS, *(letter if fields else [])]
    return Call("events", "dead_letter", _keys(entry_id, capture_id), arguments, lambda answer: Lost(*answer))


def dead_letter_tail(
    log: str, tail: bytes, reason: str, detail: str, dead_at: datetime, *, max_bytes: int = MAX_DEAD_BYTES
) -> Call[Lost]:
    """Keep the bytes after a log's last newline as a dead letter."""
    entry: list[Argument] = ["", "", RECEIPT_TTL_S, "", reason]
    letter = _letter(reason, detail, dead_at, {b"log": log.encode(errors="replace"), b"event": tail})
    arguments = [keys.RECORDER_GROUP, *entry, MAX_DEAD, max_bytes, DEAD_TTL_MS, *letter]
    return Call("events", "dead_letter", _keys("", ""), arguments, lambda answer: Lost(*answer))


def _keys(entry_id: str, capture_id: str) -> list[str]:
    return [keys.EVENTS, keys.receipt(entry_id), keys.capture_record(capture_id), keys.UNFINISHED, keys.DEAD_EVENTS]


def _letter(reason: str, detail: str, dead_at: datetime, fields: Mapping[bytes, bytes]) -> list[Argument]:
    letter: list[Argument] = ["reason", reason, "detail", detail, "buried_at", format_utc(dead_at)]
    letter += ["letter_format", written("dead_letter")]
    for name, value in fields.items():
        letter += [name, value[:MAX_VALUE_BYTES]]
        if len(value) > MAX_VALUE_BYTES:
            letter += [name + b"_length", len(value)]
    return letter
