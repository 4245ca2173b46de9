"""An entry of the event stream, checked: what may go into a session's log, and what is poison. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from contracts.rules.errors import InvalidEvent
from contracts.rules.ids import is_identifier, is_record_id, is_session_id
from contracts.rules.json_text import parse_object
from contracts.state.events import EventEntry, compact_json

__all__ = ["read_entry"]


def read_entry(fields: Mapping[bytes, bytes]) -> EventEntry:
    """Decode and check one stream entry; its event comes back on one line, every token verbatim.

    Raises:
        InvalidEvent: a field is missing, an id is none, the event is not a JSON object, or it names another
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
