"""Failed captures, in the frames role: their extraction failed, and their frames are kept for an operator for a while.

The slots of all of them are in one zset, which bounds their bytes; the frames are where they always were. The two are
in different hash slots of a cluster, so each needs a step of its own, expires by itself, and may be repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast

from contracts.broker import keys
from contracts.broker.roles import AsyncBroker, Broker, broker_errors
from contracts.broker.script import Argument, Call
from contracts.rules import formats
from contracts.rules.errors import UnreadableValue
from contracts.rules.ids import is_identifier, read_count
from contracts.rules.landmarks import DIMS
from contracts.state.captures import ENDED_TTL_S, TOMBSTONE_TTL_S, CaptureWindow
from contracts.state.letters import NOTE_TTL_S
from contracts.state.window import read_window

__all__ = [
    "FailedBounds",
    "FailedCapture",
    "FailedSlot",
    "drop_failed",
    "keep_failed",
    "read_capture",
    "read_size",
    "read_slots",
    "release_failed",
    "revive",
    "take_back",
    "take_slot",
]

ROW_BYTES = 4 * DIMS


@dataclass(frozen=True, slots=True)
class FailedBounds:
    """For how many seconds the frames of a failed capture are kept, 0 for not at all, and how many bytes of them."""

    ttl_s: int = 0
    max_bytes: int = 0


@dataclass(frozen=True, slots=True)
class FailedSlot:
    """The slot of one failed capture. ``expires_ms`` is by the broker's clock."""

    capture_id: str
    byte_length: int
    user_id: str
    expires_ms: int = 0

    @property
    def member(self) -> str:
        """The slot as it is in the zset."""
        return f"{self.capture_id}/{self.byte_length}/{self.user_id}"

    @classmethod
    def read(cls, member: bytes, expires_ms: float) -> FailedSlot | None:
        """Read a member; None if it is not a slot."""
        parts = member.decode(errors="replace").split("/")
        if len(parts) != 3 or not (is_identifier(parts[0]) and is_identifier(parts[2])):
            return None
        try:
            return cls(parts[0], read_count(parts[1]), parts[2], int(expires_ms))
        except (ValueError, OverflowError):
            return None


@dataclass(frozen=True, slots=True)
class FailedCapture:
    """A failed capture: its slot, its window, its counts, and whether all of its frames are there, in the stream or as
    rows."""

    slot: FailedSlot
    failed_at: datetime
    window: CaptureWindow
    accepted: int
    extracted: int
    is_whole: bool

    @property
    def expires_at(self) -> datetime:
        """When its frames are removed."""
        return datetime.fromtimestamp(self.slot.expires_ms / 1000, UTC)


def take_slot(slot: FailedSlot, bounds: FailedBounds) -> Call[list[str] | None]:
    """Take a slot; returns the ids of the captures that lost theirs, or None if this one alone is too large."""

    def read(answer: Any) -> list[str] | None:
        taken, *removed = answer
        return [member.decode().partition("/")[0] for member in removed] if taken else None

    arguments: list[Argument] = [
        slot.capture_id, slot.byte_length, slot.user_id, 1000 * bounds.ttl_s, bounds.max_bytes
    ]  # fmt: skip
    return Call("frames", "failed_slot", [keys.FAILED], arguments, read)


def keep_failed(capture_id: str, token: str, ttl_s: int) -> Call[Literal["kept", "partial", "lost"]]:
    """Set a failed capture aside with its frames. ``partial``: some are missing; ``lost``: another extractor has it."""
    redis_keys = list(keys.capture_keys(capture_id))
    return Call("frames", "keep_failed", redis_keys, [token, ttl_s], lambda answer: cast(Any, answer.decode()))


def revive(capture_id: str) -> Call[bool]:
    """Let a failed capture wait for an extractor again; dispatch it then. False if its frames are gone."""
    return Call(
        "frames", "revive", list(keys.capture_keys(capture_id)), [ENDED_TTL_S], lambda answer: bool(answer == b"OK")
    )


def drop_failed(capture_id: str) -> Call[bool]:
    """Remove the frames of a failed capture; false if it is none, or an extractor has it again."""
    return Call(
        "frames",
        "drop_failed",
        list(keys.capture_keys(capture_id)),
        [TOMBSTONE_TTL_S],
        lambda answer: bool(answer == 1),
    )


def release_failed(slot: FailedSlot) -> Call[bool]:
    """Free a slot that was read, unless the capture failed again since."""
    return Call(
        "frames", "release_failed", [keys.FAILED], [slot.member, slot.expires_ms], lambda answer: bool(answer == 1)
    )


TakenBack = Literal["OK", "published", "aborted", "dead", "unknown", "consent_withdrawn"]


def take_back(window: CaptureWindow, note_id: str) -> Call[TakenBack]:
    """Take back the outcome ``extraction_failed``, in the events role, or say why that cannot be."""
    redis_keys = [
        keys.capture_record(window.capture_id), keys.UNFINISHED, keys.session(window.session_id),
        keys.dead_note(note_id),
    ]  # fmt: skip
    return Call(
        "events", "take_back", redis_keys, [window.capture_id, NOTE_TTL_S], lambda a: cast(TakenBack, a.decode())
    )


def read_size(broker: Broker, capture_id: str) -> int:
    """About how many bytes a capture's frames and rows take up.

    Raises:
        BrokerUnavailable, UnreadableValue: the frames broker did not answer, or the state is not a capture's.
    """
    names = keys.capture_keys(capture_id)
    with broker_errors("frames"):
        values: Any = broker.hmget(names.state, ["backlog_bytes", "extracted"])
    try:
        return read_count(values[0]) + ROW_BYTES * read_count(values[1])
    except ValueError as error:
        raise UnreadableValue("frames", names.state, str(error)) from error


async def read_slots(broker: AsyncBroker) -> list[FailedSlot]:
    """The slots of all failed captures, the newest first.

    Raises:
        BrokerUnavailable, UnreadableValue: the frames broker did not answer, or the key does not hold a zset.
    """
    with broker_errors("frames"):
        found: Any = await broker.zrange(keys.FAILED, 0, -1, desc=True, withscores=True)
    return [slot for member, score in found if (slot := FailedSlot.read(member, score))]


async def read_capture(broker: AsyncBroker, slot: FailedSlot) -> FailedCapture | None:
    """The failed capture of a slot; None if it has gone, or an extractor has it again.

    Raises:
        BrokerUnavailable, UnreadableValue: the frames broker did not answer, or the state is not a capture's.
    """
    names = keys.capture_keys(slot.capture_id)
    with broker_errors("frames"):
        found: Any = await broker.hmget(
            names.state,
            ["status", "dispatch", "open", "window", formats.FIELD, "accepted", "extracted", "failed_ms"],
        )
        length: Sequence[int] = [await broker.xlen(names.frames), await broker.hlen(names.rows)]
    status, dispatch, opened, whole, number, *counts = found
    if opened is None or not (status == b"failed" or (status == b"closed" and dispatch is None)):
        return None
    try:
        accepted, extracted, failed_ms = map(read_count, counts)
        failed_at = datetime.fromtimestamp(failed_ms / 1000, UTC)
        formats.check_format("capture", number)
        window = read_window(opened, whole)
    except (ValueError, OverflowError) as error:
        raise UnreadableValue("frames", names.state, type(error).__name__) from error
    return FailedCapture(slot, failed_at, window, accepted, extracted, sum(length) == accepted + 1)
