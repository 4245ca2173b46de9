"""Readers of the hashes in Redis, one for each kind, and the writer of a receipt without a script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from contracts.broker import keys
from contracts.broker.roles import AsyncBroker, Broker, broker_errors
from contracts.messages.capture import Found
from contracts.rules import formats
from contracts.rules.errors import UnreadableValue
from contracts.rules.ids import read_count
from contracts.rules.landmarks import PART_NAMES
from contracts.state.events import Receipt
from contracts.state.recording import RECEIPT_TTL_S
from contracts.state.records import CaptureRecord

__all__ = [
    "SessionEntry",
    "StateSummary",
    "put_receipt",
    "read_record",
    "read_rows",
    "read_session",
    "read_summary",
    "read_summary_sync",
    "was_claimed",
]

_SUMMARY_FIELDS = (
    "status", "generation", "deliveries", "accepted", "extracted", "expected",
    *(f"found_{part}" for part in PART_NAMES), formats.FIELD,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StateSummary:
    """The part of a capture's state that other processes than its extractor read.

    ``claimed`` says whether an extractor ever had the capture. ``expected`` is about how many frames its video has; 0
    if that is unknown, or if the frames come from a camera.
    """

    status: str
    claimed: bool
    deliveries: int
    accepted: int
    extracted: int
    expected: int
    found: Found


def _read_summary(capture_id: str, values: Sequence[bytes | None]) -> StateSummary | None:
    status, generation, *texts, number = values
    if status is None:
        return None
    try:
        formats.check_format("capture", number)
        deliveries, accepted, extracted, expected, *found = [read_count(text) for text in texts]
    except ValueError as error:
        raise UnreadableValue("frames", keys.capture_keys(capture_id).state, str(error)) from error
    parts = Found(**dict(zip(PART_NAMES, found, strict=True)))
    text = status.decode(errors="replace")
    return StateSummary(text, generation is not None, deliveries, accepted, extracted, expected, parts)


async def read_summary(broker: AsyncBroker, capture_id: str) -> StateSummary | None:
    """Read how far a capture is; None if its state is gone.

    Raises:
        BrokerUnavailable: the frames broker did not answer.
        UnreadableValue: the state is not a hash, or a count in it is not a count; `OtherFormat`: another release wrote
            it.
    """
    with broker_errors("frames"):
        values: Any = await broker.hmget(keys.capture_keys(capture_id).state, _SUMMARY_FIELDS)
    return _read_summary(capture_id, values)


def read_summary_sync(broker: Broker, capture_id: str) -> StateSummary | None:
    """`read_summary` for a process that blocks."""
    with broker_errors("frames"):
        values: Any = broker.hmget(keys.capture_keys(capture_id).state, _SUMMARY_FIELDS)
    return _read_summary(capture_id, values)


async def was_claimed(broker: AsyncBroker, capture_id: str) -> bool:
    """Whether an extractor ever had the capture.

    Raises:
        BrokerUnavailable: the frames broker did not answer.
        UnreadableValue: the state is not a hash.
    """
    with broker_errors("frames"):
        return bool(await broker.hexists(keys.capture_keys(capture_id).state, "generation"))


def read_rows(broker: Broker, capture_id: str) -> dict[bytes, bytes]:
    """The packed rows (`contracts.rules.landmarks.Row`) that are stored so far, by seq in decimal digits.

    Raises:
        BrokerUnavailable: the frames broker did not answer.
        UnreadableValue: the key does not hold a hash.
    """
    with broker_errors("frames"):
        rows: Any = broker.hgetall(keys.capture_keys(capture_id).rows)
    return dict(rows)


async def read_record(broker: AsyncBroker, capture_id: str) -> CaptureRecord | None:
    """Read the durable record of a capture; None if there is none.

    Raises:
        BrokerUnavailable: the events broker did not answer.
        UnreadableValue: the key does not hold a record; `OtherFormat`: another release wrote it.
    """
    with broker_errors("events"):
        fields: Any = await broker.hgetall(keys.capture_record(capture_id))
    try:
        return CaptureRecord.decode(fields) if fields else None
    except ValueError as error:
        raise UnreadableValue("events", keys.capture_record(capture_id), str(error)) from error


@dataclass(frozen=True, slots=True)
class SessionEntry:
    """A session in the registry. ``consent_given`` is what its start says; None if it says nothing."""

    user_id: str
    active: bool
    consent_given: bool | None = None


async def read_session(broker: AsyncBroker, session_id: str) -> SessionEntry | None:
    """Read one session of the registry; None if it is unknown.

    Raises:
        BrokerUnavailable: the events broker did not answer.
        UnreadableValue: the key does not hold a hash.
    """
    with broker_errors("events"):
        values: Any = await broker.hmget(keys.session(session_id), ["user_id", "status", "start_event", formats.FIELD])
    user_id, status, start_event, number = values
    if user_id is None:
        return None
    try:
        formats.check_format("session", number)
    except ValueError as error:
        raise UnreadableValue("events", keys.session(session_id), str(error)) from error
    active = status in (b"active", b"withdrawn")
    return SessionEntry(user_id.decode(errors="replace"), active, _consent_in(start_event))


def _consent_in(start_event: bytes | None) -> bool | None:
    try:
        given = orjson.loads(start_event or b"").get("consent_given")
    except (ValueError, AttributeError):
        return None
    return given if isinstance(given, bool) else None


async def put_receipt(broker: AsyncBroker, entry_id: str, receipt: Receipt) -> None:
    """Store the recorder's answer to an event that stays in the stream.

    Raises:
        BrokerUnavailable: the events broker did not answer, or (`BrokerFull`) is out of memory.
    """
    with broker_errors("events"):
        await broker.set(keys.receipt(entry_id), receipt.encode(), ex=RECEIPT_TTL_S)
