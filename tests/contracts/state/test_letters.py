"""Dead letters for an operator: what one holds, whether the recorder would take it now, and that it moves once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import fakeredis
import pytest

from contracts.broker import keys
from contracts.rules.errors import EventTooLarge, InvalidEvent, RecorderError
from contracts.state import dead_letters, letters, records
from contracts.state.events import EventEntry, Receipt
from contracts.state.letters import DeadLetter, LetterNote
from contracts.state.records import CaptureCounts
from tests.contracts.scripting import SESSION, Backend

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
RECORD = "b6f4f8ee-0f0a-4f39-ba6e-0b5f0a4d8c11"
EVENT = b'{"user_id": "user-1", "session_id": "%s", "event": "note", "n": 1.50}' % SESSION.encode()
ENTRY = EventEntry(EVENT, "user-1", SESSION, RECORD)
MISSING = Receipt(error="missing_session_path", detail="the session's directory does not exist")


def fields_of(entry: EventEntry, **changes: bytes | None) -> dict[bytes, bytes]:
    """The entry's fields as the broker has them; None leaves one out."""
    fields = {n.encode(): v if isinstance(v, bytes) else v.encode() for n, v in entry.encode().items()}
    changed = fields | {name.encode(): value for name, value in changes.items()}
    return {name: value for name, value in changed.items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "max_bytes", "error", "said"),
    [
        ({}, 1000, None, ""),
        ({}, 100, EventTooLarge, "100 are allowed"),
        ({"event": b"{"}, 1000, InvalidEvent, "not a JSON object"),
        ({"event": None}, 1000, InvalidEvent, "no field event"),
        ({"user_id": b"user-2"}, 1000, InvalidEvent, "user_id is not its entry's"),
        ({"session_id": b"../x"}, 1000, InvalidEvent, "session_id is not one"),
        ({"event_length": b"9000000"}, 1000, InvalidEvent, "only its beginning is kept"),
        ({"log": b"users/u/x.jsonl"}, 1000, InvalidEvent, "torn end of a log"),
    ],
)
def test_a_letter_is_accepted_by_the_recorder_s_own_rules(
    changes: dict[str, Any], max_bytes: int, error: type[RecorderError] | None, said: str
) -> None:
    letter = DeadLetter.decode("1-0", fields_of(ENTRY, **changes))
    if error is None:
        assert letter.accepted(max_bytes) == ENTRY
        return
    with pytest.raises(error, match=said):
        letter.accepted(max_bytes)


def test_a_letter_that_is_broken_in_every_field_can_be_read() -> None:
    letter = DeadLetter.decode(f"{2**64 - 1}-0", {b"entry": b"\xff", b"\xff": b"\xff", b"reason": b"\xff"})
    assert (letter.event, letter.event_name, letter.reason, letter.text("user_id")) == (b"\xff", None, "\ufffd", "")


@pytest.fixture
def letterless(backend: Backend) -> Iterator[Backend]:
    """No dead letters, before and after."""
    backend.events.delete(keys.DEAD_EVENTS)
    yield backend
    backend.events.delete(keys.DEAD_EVENTS)


def dead(backend: Backend, entry: EventEntry = ENTRY, entry_id: str = "1-0") -> DeadLetter:
    backend.run(dead_letters.dead_letter(entry_id, MISSING, fields_of(entry), NOW, entry.capture_id))
    [[letter_id, fields]] = backend.events.xrevrange(keys.DEAD_EVENTS, count=1)  # type: ignore[misc]
    return DeadLetter.decode(letter_id.decode(), fields)


def last_event(backend: Backend) -> EventEntry:
    [[_, fields]] = backend.events.xrevrange(keys.EVENTS, count=1)  # type: ignore[misc]
    return EventEntry.decode(fields)


def test_a_retried_letter_is_queued_once_with_the_same_bytes(letterless: Backend) -> None:
    letter, queued = dead(letterless), letterless.events.xlen(keys.EVENTS)
    moved = letterless.run(letters.retry_letter(letter, letter.accepted(1000)))
    assert moved.at is not None and moved.at > NOW
    assert last_event(letterless) == ENTRY
    for step in (letters.retry_letter(letter, ENTRY), letters.drop_letter(letter.letter_id)):
        assert letterless.run(step) == (None, LetterNote("retried", moved.at))
    assert letterless.events.xlen(keys.EVENTS) == queued + 1  # type: ignore[operator]
    assert letterless.events.xlen(keys.DEAD_EVENTS) == 0


def test_a_dropped_letter_is_gone_and_cannot_be_retried(letterless: Backend) -> None:
    letter, queued = dead(letterless), letterless.events.xlen(keys.EVENTS)
    moved = letterless.run(letters.drop_letter(letter.letter_id))
    assert moved.at is not None
    assert letterless.run(letters.retry_letter(letter, ENTRY)) == (None, LetterNote("dropped", moved.at))
    assert letterless.events.xlen(keys.EVENTS) == queued
    assert 0 < int(letterless.events.ttl(keys.dead_note(letter.letter_id))) <= letters.NOTE_TTL_S  # type: ignore[arg-type]


def test_a_letter_that_never_was_has_no_note(letterless: Backend) -> None:
    assert letterless.run(letters.drop_letter("1-1")) == (None, None)
    letterless.events.rpush(keys.dead_note("1-2"), "not a note")
    assert letterless.run(letters.drop_letter("1-2")) == (None, None)
    letterless.events.delete(keys.dead_note("1-2"))


def test_the_capture_of_a_retried_letter_is_published_again_and_swept(letterless: Backend, unique: str) -> None:
    events, entry = letterless.events, EventEntry(EVENT, "user-1", SESSION, RECORD, f"capture-{unique}")
    letterless.run(records.publish(entry, CaptureCounts()))
    letter = dead(letterless, entry)
    record = keys.capture_record(entry.capture_id)
    assert events.hget(record, "outcome") == b"dead"
    letterless.run(letters.retry_letter(letter, letter.accepted(1000)))
    [[entry_id, _]] = events.xrevrange(keys.EVENTS, count=1)  # type: ignore[misc]
    assert events.hmget(record, ["outcome", "error_code", "entry_id"]) == [b"published", None, entry_id]
    assert events.zscore(keys.UNFINISHED, entry.capture_id) is not None


async def test_pages_are_newest_first_and_large_letters_make_short_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = fakeredis.FakeAsyncRedis(server=fakeredis.FakeServer())
    assert await letters.read_letters(broker, "", 10) == []
    for number in range(1, 50):
        await broker.xadd(keys.DEAD_EVENTS, {"event": "x" * 100}, id=f"{number}-0")
    read = [letter.letter_id for letter in await letters.read_letters(broker, "", 45)]
    assert read == [f"{number}-0" for number in range(49, 4, -1)]
    monkeypatch.setattr(letters, "BATCH_BYTES", 1000)
    assert len(await letters.read_letters(broker, "31-0", 45)) == letters.BATCH_LETTERS
    assert [letter.letter_id for letter in await letters.read_letters(broker, "3-0", 45)] == ["2-0", "1-0"]
