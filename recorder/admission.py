"""Which entries of the event stream may be written now. No I/O.

`read_entry` checks one entry: it can be appended to a session's log, or it never can. `BlockedSessions` knows the
sessions whose log cannot be written for now: their later events wait, so that the order of events is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from contracts.process.retry import backoff_s
from contracts.rules.errors import InvalidEvent, RecorderIOError
from contracts.rules.ids import is_identifier, is_record_id, is_session_id
from contracts.rules.json_text import parse_object
from contracts.state.events import EventEntry, compact_json

__all__ = ["BlockedSessions", "SessionKey", "read_entry"]

HURRY_S = 0.5
"""How often a blocked session is tried if new events of it arrive."""

SessionKey = tuple[str, str]
"""``user_id, session_id``."""


def read_entry(fields: Mapping[bytes, bytes]) -> EventEntry:
    """Decode and check one stream entry; its event comes back on one line, every token verbatim.

    Raises:
        InvalidEvent: a field is missing, an ID is malformed, the event is not a JSON object, or it names another
            user or session than its entry. Such an entry can never be appended.
    """
    try:
        entry = EventEntry.decode(fields)
    except ValueError as error:
        raise InvalidEvent(str(error)) from error
    _check_ids(entry)
    try:
        event = parse_object(entry.event)
    except ValueError as error:
        raise InvalidEvent(f"the event is not a JSON object: {error}") from error
    for name, expected in (("user_id", entry.user_id), ("session_id", entry.session_id)):
        if event.get(name) != expected:
            raise InvalidEvent(f"the event's own {name} is not its entry's")
    return replace(entry, event=compact_json(entry.event))


def _check_ids(entry: EventEntry) -> None:
    if not is_identifier(entry.user_id):
        raise InvalidEvent("the entry's user_id is not an identifier")
    if not is_session_id(entry.session_id):
        raise InvalidEvent("the entry's session_id is not one")
    if not is_record_id(entry.record_id):
        raise InvalidEvent("the entry's record_id is not a UUIDv4")
    if entry.capture_id and not is_identifier(entry.capture_id):
        raise InvalidEvent("the entry's capture_id is not an identifier")


@dataclass(slots=True)
class _Block:
    error: RecorderIOError
    attempts: int
    failed_at_s: float
    retry_at_s: float
    closed: bool = True


class BlockedSessions:
    """The sessions whose events wait. Times are those of a monotonic clock, in seconds.

    A blocked session gets another try only at the start of a pass over all pending entries (`reopen`), because only
    there does its oldest event come first.
    """

    def __init__(self) -> None:
        self._blocks: dict[SessionKey, _Block] = {}

    def __len__(self) -> int:
        return len(self._blocks)

    def reason(self, session: SessionKey) -> RecorderIOError | None:
        """The error for which the session's events wait; None if they may be written."""
        block = self._blocks.get(session)
        return block.error if block is not None and block.closed else None

    def failed(self, session: SessionKey, error: RecorderIOError, now_s: float) -> None:
        """Block the session, for longer with each failure in a row."""
        before = self._blocks.get(session)
        attempts = before.attempts + 1 if before else 0
        self._blocks[session] = _Block(error, attempts, now_s, now_s + backoff_s(attempts))

    def hurry(self, session: SessionKey, now_s: float) -> None:
        """A new event of this session arrived, so a client may be waiting: retry `HURRY_S` after its failure."""
        block = self._blocks.get(session)
        if block is not None:
            block.retry_at_s = min(block.retry_at_s, max(now_s, block.failed_at_s + HURRY_S))

    def succeeded(self, session: SessionKey) -> None:
        """Unblock the session: its log was written."""
        self._blocks.pop(session, None)

    def reopen(self, now_s: float) -> None:
        """Allow another try of every session that is due. A pass over all pending entries must follow."""
        for block in self._blocks.values():
            if block.retry_at_s <= now_s:
                block.closed = False

    def next_retry_s(self) -> float | None:
        """When the next session may be tried again; None if no session waits for its time."""
        return min((block.retry_at_s for block in self._blocks.values() if block.closed), default=None)
