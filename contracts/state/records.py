"""The durable record of a capture in the events role.

One `Call` for each atomic step; ``contracts/state/lua/events`` has the rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

import orjson

from contracts.broker import keys
from contracts.broker.script import Argument, Call
from contracts.messages.capture import CaptureStatus, Found
from contracts.messages.quality import Quality
from contracts.rules import formats
from contracts.rules.codes import CaptureCode, VideoCode, stored_code
from contracts.rules.ids import (
    format_utc,
    is_entry_id,
    is_identifier,
    is_record_id,
    is_session_id,
    parse_utc,
    read_count,
)
from contracts.rules.landmarks import PART_NAMES, Part
from contracts.state.captures import CaptureWindow
from contracts.state.events import EventEntry
from contracts.state.sessions import SESSION_TTL_S
from contracts.state.video import VideoSlot

__all__ = [
    "CaptureCounts",
    "CaptureRecord",
    "Outcome",
    "Reservation",
    "SessionProblem",
    "abort",
    "mark_closed",
    "publish",
    "recheck",
    "reserve",
]

RECORD_TTL_S = 7 * 24 * 3600
"""How long the durable record of a capture is kept."""

SOCKET_LEASE_MS = 20_000
"""How long an open socket counts for its user unless the gateway renews it with every recheck."""


@dataclass(frozen=True, slots=True)
class CaptureCounts:
    """A capture's counts: frames accepted, frames extracted, frames in which each part was found."""

    accepted: int = 0
    extracted: int = 0
    found: Mapping[Part, int] | None = None

    def encode(self) -> list[Argument]:
        """Field, value …, for the durable record."""
        found = self.found or {}
        counts: list[Argument] = ["accepted", self.accepted, "extracted", self.extracted]
        return counts + [item for part in PART_NAMES for item in (f"found_{part}", found.get(part, 0))]


_RECORD_FIELDS = (
    "capture_id", "user_id", "session_id", "record_id", "outcome", "error_code", "recorded_at", "entry_id", "accepted",
    "extracted", *(f"found_{part}" for part in PART_NAMES), "upload",
)  # fmt: skip
_OUTCOMES = frozenset({"", "published", "aborted", "dead"})


@dataclass(frozen=True, slots=True)
class CaptureRecord:
    """The durable record of a capture. ``outcome`` is empty until it is decided, once and for all."""

    capture_id: str
    user_id: str
    session_id: str
    record_id: str
    outcome: Literal["", "published", "aborted", "dead"]
    error_code: str
    recorded_at: str
    entry_id: str
    event: bytes
    counts: CaptureCounts
    upload: VideoSlot | None = None
    """The slot of the video that its frames come from; None for a camera."""

    @classmethod
    def decode(cls, fields: Mapping[bytes, bytes]) -> CaptureRecord:
        """Read the record's hash.

        Raises:
            OtherFormat: this release does not read it.
            ValueError: it is not the record of a capture.
        """
        formats.check_format("record", fields.get(formats.FIELD.encode()))
        known = {name: fields.get(name.encode(), b"").decode() for name in _RECORD_FIELDS}
        if not (is_identifier(known["capture_id"]) and is_identifier(known["user_id"])):
            raise ValueError("it names no capture, or no user")
        if not (is_session_id(known["session_id"]) and is_record_id(known["record_id"])):
            raise ValueError("it names no session, or no record")
        if known["outcome"] not in _OUTCOMES or (known["entry_id"] and not is_entry_id(known["entry_id"])):
            raise ValueError("its outcome, or the entry of its event, is none")
        if known["outcome"] == "published" and not known["entry_id"]:
            raise ValueError("it is published, and names no entry")
        if known["recorded_at"]:
            parse_utc(known["recorded_at"])
        return cls(
            capture_id=known["capture_id"],
            user_id=known["user_id"],
            session_id=known["session_id"],
            record_id=known["record_id"],
            outcome=cast(Any, known["outcome"]),
            error_code=known["error_code"],
            recorded_at=known["recorded_at"],
            entry_id=known["entry_id"],
            event=fields.get(b"event", b""),
            counts=CaptureCounts(
                read_count(known["accepted"]),
                read_count(known["extracted"]),
                {part: read_count(known[f"found_{part}"]) for part in PART_NAMES},
            ),
            upload=VideoSlot.read(known["upload"]) if known["upload"] else None,
        )

    def status(self, *, claimed: bool) -> CaptureStatus:
        """``recorded`` once the line is in the file; before an outcome it depends on whether an extractor
        has the capture."""
        if self.outcome in ("aborted", "dead"):
            return "aborted"
        if self.recorded_at:
            return "recorded"
        return "extracting" if claimed or self.outcome == "published" else "waiting"

    def raw_features_ref(self) -> dict[str, Any] | None:
        """The artifact's reference, from the event; None if there is no event, or none in it."""
        return self._in_event("raw_features_ref")

    def quality(self) -> Quality | None:
        """The capture's quality, from the event; None if there is no event, or none in it that can be read."""
        return Quality.read(self._in_event("quality"))

    def _in_event(self, name: str) -> dict[str, Any] | None:
        try:
            value = orjson.loads(self.event)[name]
        except (ValueError, TypeError, LookupError):
            return None
        return value if isinstance(value, dict) else None

    def found(self) -> Found:
        """In how many frames each part was found."""
        found = self.counts.found or {}
        return Found(**{str(part): count for part, count in found.items()})


SessionProblem = Literal["session_invalid", "session_closed", "consent_withdrawn"]
"""Why no capture may be opened, or go on, in a session."""

Reservation = Literal["OK", SessionProblem, "duplicate_capture", "too_many_captures"]


def reserve(
    window: CaptureWindow,
    connection: str,
    max_captures_per_user: int,
    now: datetime,
    *,
    lease_ms: int = SOCKET_LEASE_MS,
) -> Call[Reservation]:
    """Create the durable record, or return the rule that forbids it. ``connection`` identifies a repeated call."""
    redis_keys = [
        keys.session(window.session_id),
        keys.capture_record(window.capture_id),
        keys.window(window.session_id, window.record_id),
        keys.user_captures(window.user_id),
        keys.UNFINISHED,
    ]
    arguments: list[Argument] = [
        window.capture_id, window.user_id, connection, max_captures_per_user, lease_ms, RECORD_TTL_S, SESSION_TTL_S,
        "session_id", window.session_id, "record_id", window.record_id, "opened_at", format_utc(now),
        formats.FIELD, formats.written("record"),
    ]  # fmt: skip
    if window.slot:
        arguments += ["upload", window.slot.member]

    def read(answer: bytes) -> Reservation:
        if answer.startswith(b"format "):
            formats.check_format("session", answer.removeprefix(b"format "))
        return cast(Reservation, answer.decode())

    return Call("events", "reserve", redis_keys, arguments, read)


def recheck(
    user_id: str, session_id: str, capture_id: str, *, lease_ms: int = SOCKET_LEASE_MS
) -> Call[Literal["active", SessionProblem]]:
    """Ask whether captures may go on in the session, and renew the socket's slot among the user's."""
    redis_keys = [keys.session(session_id), keys.user_captures(user_id)]
    return Call("events", "recheck", redis_keys, [user_id, capture_id, lease_ms], lambda a: a.decode())


def mark_closed(user_id: str, capture_id: str) -> Call[None]:
    """Free the user's slot after the close entry was written, and note the time."""
    redis_keys = [keys.capture_record(capture_id), keys.user_captures(user_id)]
    return Call("events", "mark_closed", redis_keys, [capture_id], lambda _: None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A capture's outcome after an attempt to set one, and whether this attempt set it.

    ``event`` is the published event's bytes, ``error_code`` an abort's.
    """

    outcome: Literal["published", "aborted", "unknown"]
    new: bool
    event: bytes = b""
    error_code: str = ""


def publish(entry: EventEntry, counts: CaptureCounts) -> Call[Outcome]:
    """Publish a capture's one event, unless it has an outcome already."""

    def read(answer: Any) -> Outcome:
        word, value = answer
        if word == b"aborted":
            return Outcome("aborted", False, error_code=stored_code(value))
        return Outcome("published", word == b"new", event=value)

    arguments: list[Argument] = [
        entry.event, entry.capture_id, entry.user_id, entry.session_id, entry.record_id, RECORD_TTL_S,
        entry.traceparent, *counts.encode(),
    ]  # fmt: skip
    return Call("events", "publish", [keys.capture_record(entry.capture_id), keys.EVENTS], arguments, read)


def abort(
    user_id: str, capture_id: str, error_code: CaptureCode | VideoCode, counts: CaptureCounts | None = None
) -> Call[Outcome]:
    """Give a capture the outcome ``aborted``, unless it has one already, and free the user's slot."""

    def read(answer: Any) -> Outcome:
        word, code = answer[0].decode(), stored_code(answer[1])
        return Outcome("aborted" if word == "new" else word, word == "new", error_code=code)

    arguments: list[Argument] = [capture_id, error_code, RECORD_TTL_S]
    arguments += counts.encode() if counts else ["ended_by", "gateway"]
    redis_keys = [keys.capture_record(capture_id), keys.UNFINISHED, keys.user_captures(user_id)]
    return Call("events", "abort", redis_keys, arguments, read)
