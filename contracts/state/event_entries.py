"""The checks of an entry of the event stream, which any process with the broker's password may have written. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from contracts.rules import formats
from contracts.rules.errors import InvalidEvent
from contracts.rules.ids import is_identifier, is_record_id, is_session_id
from contracts.rules.json_text import parse_object
from contracts.state.events import EventEntry, compact_json

__all__ = ["capture_of", "read_entry", "session_of"]


def read_entry(fields: Mapping[bytes, bytes]) -> EventEntry:
    """Decode and check one stream entry; its event comes back on one line, every token verbatim.

    Raises:
        InvalidEvent: a field is missing, an ID is malformed, the event is not a JSON object, or it names another
            user or session than its entry. Such an entry can never be appended.
        OtherFormat: it is for a recorder of another release.
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
    # no process of release 0.2.0 writes ``recorded_by``, and its gateways do not mark a client's event that has it
    forged = formats.FIELD.encode() not in fields and "recorded_by" in event
    return replace(entry, event=compact_json(entry.event), by_client=entry.by_client or forged)


def _check_ids(entry: EventEntry) -> None:
    if not is_identifier(entry.user_id):
        raise InvalidEvent("the entry's user_id is not an identifier")
    if not is_session_id(entry.session_id):
        raise InvalidEvent("the entry's session_id is not one")
    if not is_record_id(entry.record_id):
        raise InvalidEvent("the entry's record_id is not a UUIDv4")
    if entry.capture_id and not is_identifier(entry.capture_id):
        raise InvalidEvent("the entry's capture_id is not an identifier")


def session_of(fields: Mapping[bytes, bytes]) -> tuple[str, str] | None:
    """The ``user_id`` and ``session_id`` of an entry, whatever its format is; None if it names no session."""
    user_id, session_id = (fields.get(name, b"").decode(errors="replace") for name in (b"user_id", b"session_id"))
    return (user_id, session_id) if is_identifier(user_id) and is_session_id(session_id) else None


def capture_of(fields: Mapping[bytes, bytes]) -> str:
    """The ``capture_id`` of an entry that may be unreadable otherwise; empty if it has none, or no identifier."""
    capture_id = fields.get(b"capture_id", b"").decode(errors="replace")
    return capture_id if is_identifier(capture_id) else ""
