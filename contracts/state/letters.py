"""Dead letters, in the events role, as an operator sees them: read them, put one back into the stream, drop one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, cast

import orjson

from contracts.broker import keys
from contracts.broker.roles import AsyncBroker, broker_errors
from contracts.broker.script import Argument, Call
from contracts.rules.errors import InvalidEvent
from contracts.rules.formats import check_format
from contracts.state.event_entries import read_entry
from contracts.state.events import EventEntry, encode_line

__all__ = [
    "DeadLetter",
    "NOTE_TTL_S",
    "LetterNote",
    "Moved",
    "count_letters",
    "drop_letter",
    "has_older",
    "read_letter",
    "read_letters",
    "read_note",
    "retry_letter",
]

NOTE_TTL_S = 7 * 24 * 3600
"""How long it is known what an operator did with a letter."""

BATCH_LETTERS = 20
BATCH_BYTES = 8 * 1024 * 1024

_TIME_NOW = "2026-01-31T12:00:00.000Z"
"""Any time: all of them have the same length."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter. ``entry`` has the fields of the event's own entry: a broken one may lack some or have others.

    ``log`` is set if it is the torn end of that log, whose bytes are then the event. ``byte_length`` counts all names
    and values.
    """

    letter_id: str
    reason: str
    detail: str
    dead_at: datetime
    entry_id: str
    log: str
    is_cut: bool
    byte_length: int
    entry: Mapping[bytes, bytes]

    @classmethod
    def decode(cls, letter_id: str, fields: Mapping[bytes, bytes]) -> DeadLetter:
        """Read a letter of the stream; a field that it lacks is empty. Raises ``OtherFormat`` if this release does not
        read it."""
        with suppress(ValueError):
            check_format("dead_letter", fields.get(b"letter_format"))
        about = {name: fields.get(name.encode(), b"").decode(errors="replace") for name in _ABOUT}
        return cls(
            letter_id=letter_id,
            reason=about["reason"],
            detail=about["detail"],
            dead_at=datetime.fromtimestamp(min(int(letter_id.partition("-")[0]), _LAST_MS) / 1000, UTC),
            entry_id=about["entry_id"],
            log=about["log"],
            is_cut=any(name.endswith(b"_length") for name in fields),
            byte_length=sum(len(name) + len(value) for name, value in fields.items()),
            entry={name: value for name, value in fields.items() if name not in _ABOUT_BYTES},
        )

    def text(self, name: str) -> str:
        """A field of the entry as text; empty if it is missing."""
        return self.entry.get(name.encode(), b"").decode(errors="replace")

    @property
    def event(self) -> bytes:
        """The bytes of the event; if the entry has none, those of the whole entry as it was written down."""
        return self.entry.get(b"event") or self.entry.get(b"entry", b"")

    @property
    def event_name(self) -> str | None:
        """What the event calls itself; None if it cannot be read, or has no name."""
        try:
            document = orjson.loads(self.event)
        except ValueError:
            return None
        name = document.get("event") if isinstance(document, dict) else None
        return name if isinstance(name, str) else None

    def accepted(self, max_event_bytes: int) -> EventEntry:
        """The entry to put back into the stream, if the recorder would take it by its own rules. Whether the session's
        directory exists is another question.

        Raises:
            InvalidEvent, EventTooLarge: the recorder would refuse it again.
            OtherFormat: its event is for a recorder of another release.
        """
        if self.log:
            raise InvalidEvent("it is the torn end of a log, and no event")
        if self.is_cut:
            raise InvalidEvent("it was so long that only its beginning is kept")
        read = read_entry(self.entry)
        encode_line(read.event, _TIME_NOW, max_event_bytes, by_client=read.by_client)
        return EventEntry.decode(self.entry)


_ABOUT = ("reason", "detail", "buried_at", "entry_id", "log", "bytes_before", "letter_format")
_ABOUT_BYTES = frozenset(name.encode() for name in _ABOUT)
_LAST_MS = 253_402_300_799_000
"""The end of the year 9999: a client may choose the ID of an entry that it adds itself."""


async def read_letters(broker: AsyncBroker, before: str, most: int) -> list[DeadLetter]:
    """The newest dead letters, ``most`` at most, or fewer if they are large; with ``before``, those older than this id.
    The list is empty only if there are no more.

    Raises:
        BrokerUnavailable: the events broker did not answer.
        UnreadableValue: the key does not hold a stream.
    """
    letters: list[DeadLetter] = []
    size = 0
    while len(letters) < most and size < BATCH_BYTES:
        count = min(BATCH_LETTERS, most - len(letters))
        with broker_errors("events"):
            found: Any = await broker.xrevrange(keys.DEAD_EVENTS, f"({before}" if before else "+", "-", count)
        letters += [DeadLetter.decode(letter_id.decode(), fields) for letter_id, fields in found]
        if len(found) < count:
            break
        before, size = letters[-1].letter_id, sum(letter.byte_length for letter in letters)
    return letters


async def count_letters(broker: AsyncBroker) -> int:
    """How many dead letters there are.

    Raises:
        BrokerUnavailable, UnreadableValue: as `read_letters`.
    """
    with broker_errors("events"):
        return int(await broker.xlen(keys.DEAD_EVENTS))


async def has_older(broker: AsyncBroker, letter_id: str) -> bool:
    """Whether there is a dead letter before this one.

    Raises:
        BrokerUnavailable, UnreadableValue: as `read_letters`.
    """
    with broker_errors("events"):
        return bool(await broker.xrevrange(keys.DEAD_EVENTS, f"({letter_id}", "-", 1))


async def read_letter(broker: AsyncBroker, letter_id: str) -> DeadLetter | LetterNote | None:
    """One dead letter. If it is gone: what was done with it, or None if that is not known.

    Raises:
        BrokerUnavailable: the events broker did not answer.
        UnreadableValue: a key holds another type.
    """
    with broker_errors("events"):
        found: Any = await broker.xrange(keys.DEAD_EVENTS, letter_id, letter_id)
    return DeadLetter.decode(letter_id, found[0][1]) if found else await read_note(broker, letter_id)


async def read_note(broker: AsyncBroker, item_id: str) -> LetterNote | None:
    """What an operator did with a letter, or a failed capture, that is gone; None if that is not known.

    Raises:
        BrokerUnavailable: the events broker did not answer.
    """
    with broker_errors("events"):
        note: Any = await broker.get(keys.dead_note(item_id))
    return LetterNote.read(note or b"")


class LetterNote(NamedTuple):
    """What an operator did with a letter, and when."""

    done: Literal["retried", "dropped"]
    at: datetime

    @classmethod
    def read(cls, text: bytes) -> LetterNote | None:
        """Read what the scripts wrote; None for anything else."""
        done, _, rest = text.decode(errors="replace").partition(" ")
        moment = rest.partition(" ")[0]
        if done not in ("retried", "dropped") or not moment.isascii() or not moment.isdigit() or len(moment) > 14:
            return None
        return cls(cast(Any, done), datetime.fromtimestamp(int(moment) / 1000, UTC))


class Moved(NamedTuple):
    """The outcome of a retry or a drop. ``at`` is None if the letter was gone already; ``note`` then says what was done
    with it, if that is known."""

    at: datetime | None
    note: LetterNote | None = None


def retry_letter(letter: DeadLetter, entry: EventEntry) -> Call[Moved]:
    """Put the letter's event back into the stream, and remove the letter: both, or neither."""
    redis_keys = [
        keys.DEAD_EVENTS, keys.EVENTS, keys.dead_note(letter.letter_id), keys.capture_record(entry.capture_id),
        keys.UNFINISHED,
    ]  # fmt: skip
    arguments: list[Argument] = [letter.letter_id, NOTE_TTL_S, entry.capture_id]
    for name, value in entry.encode().items():
        arguments += [name, value]
    return Call("events", "retry_letter", redis_keys, arguments, _moved)


def drop_letter(letter_id: str) -> Call[Moved]:
    """Remove the letter for good."""
    redis_keys = [keys.DEAD_EVENTS, keys.dead_note(letter_id)]
    return Call("events", "drop_letter", redis_keys, [letter_id, NOTE_TTL_S], _moved)


def _moved(answer: Any) -> Moved:
    word, *rest = answer
    if word == b"new":
        return Moved(datetime.fromtimestamp(int(rest[-1]) / 1000, UTC))
    return Moved(None, LetterNote.read(rest[0]))
