"""The recorder's steps in the events role: acknowledge entries whose lines are on disk, and hold the leadership."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from contracts.broker import keys
from contracts.broker.script import Argument, Call
from contracts.state.events import Receipt

__all__ = [
    "LEADER_TTL_MS",
    "RECEIPT_TTL_S",
    "RecordedEntry",
    "acknowledge_event",
    "acknowledge_events",
    "acquire_leadership",
    "release_leadership",
]

RECEIPT_TTL_S = 60

LEADER_TTL_MS = 5_000
"""A standby takes over if the leader has not renewed its leadership for so long."""


class RecordedEntry(NamedTuple):
    """An entry whose line is on disk, and the receipt for the process that waits for it."""

    entry_id: str
    receipt: Receipt
    capture_id: str = ""


def acknowledge_event(entry_id: str, receipt: Receipt, capture_id: str = "") -> Call[float | None]:
    """`acknowledge_events` for one entry."""
    call = acknowledge_events([RecordedEntry(entry_id, receipt, capture_id)])
    return Call(call.role, call.name, call.keys, call.arguments, lambda answer: call.read(answer)[0])


def acknowledge_events(entries: Sequence[RecordedEntry]) -> Call[list[float | None]]:
    """Remove entries whose lines are on disk, and write their receipts and records: 1 to a few hundred.

    Returns for each entry the seconds since its capture was closed, by the events broker's clock; None if it has no
    capture, was acknowledged before, or has no known time of closing.
    """

    def read(answer: list[int]) -> list[float | None]:
        return [took_ms / 1000 if took_ms >= 0 else None for took_ms in answer]

    redis_keys = [keys.EVENTS, keys.UNFINISHED]
    arguments: list[Argument] = [keys.RECORDER_GROUP, RECEIPT_TTL_S]
    for entry_id, receipt, capture_id in entries:
        redis_keys += [keys.receipt(entry_id), keys.capture_record(capture_id)]
        arguments += [entry_id, receipt.encode(), capture_id, receipt.recorded_at]
    return Call("events", "acknowledge_events", redis_keys, arguments, read)


def acquire_leadership(me: str) -> Call[bool]:
    """Become or stay the active recorder; false if another one is."""
    return Call(
        "events", "acquire_leadership", [keys.RECORDER_LEADER], [me, LEADER_TTL_MS], lambda answer: bool(answer == 1)
    )


def release_leadership(me: str) -> Call[bool]:
    """Stop being the active recorder."""
    return Call("events", "release_leadership", [keys.RECORDER_LEADER], [me], lambda answer: bool(answer == 1))
