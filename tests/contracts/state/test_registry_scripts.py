"""The registry of sessions and the recorder's own steps in the events role, rule by rule: session_start, session_end,
acknowledge_events, dead_letter, acquire_leadership, release_leadership."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from contracts.broker import keys
from contracts.broker.roles import ensure_group_sync
from contracts.state import dead_letters, recording, records, sessions
from contracts.state.dead_letters import Lost
from contracts.state.events import EventEntry, Receipt
from contracts.state.records import CaptureCounts
from contracts.state.sessions import SessionStep
from tests.contracts.scripting import Backend, ScriptedCapture, session_entry, start_session

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
RECORDED = Receipt(recorded_at="2026-01-31T12:00:01.000Z")
REFUSED = Receipt(error="invalid_event", detail="it is no JSON object")
START_EVENT, END_EVENT = b'{"event":"session.start"}', b'{"event":"session.end"}'


# --- sessions ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Registry:
    """One session of one user, not started yet."""

    backend: Backend
    user_id: str
    session_id: str

    def start(self, answer: bytes = b'{"a":1}', event: bytes = START_EVENT) -> SessionStep:
        return self.backend.run(sessions.start_session("request-1", answer, self.entry(event)))

    def end(self, request: str = "request-2", *, answer: bytes = b'{"a":2}', user_id: str = "") -> SessionStep:
        entry = session_entry(self.session_id, user_id or self.user_id, END_EVENT)
        return self.backend.run(sessions.end_session(request, answer, entry))

    def entry(self, event: bytes) -> EventEntry:
        return session_entry(self.session_id, self.user_id, event)

    def fields(self) -> dict[str, str]:
        answer = self.backend.events.hgetall(keys.session(self.session_id))
        return {name.decode(): value.decode() for name, value in answer.items()}  # type: ignore[union-attr]

    def events(self) -> list[tuple[str, EventEntry]]:
        """The session's entries in the stream."""
        entries = [(i.decode(), EventEntry.decode(f)) for i, f in self.backend.events.xrange(keys.EVENTS)]  # type: ignore[union-attr]
        return [(entry_id, entry) for entry_id, entry in entries if entry.session_id == self.session_id]


@pytest.fixture
def registry(backend: Backend, unique: str) -> Registry:
    return Registry(backend, f"user-{unique}", f"sess_{unique}")


def test_a_session_and_its_start_event_come_into_being_together(registry: Registry) -> None:
    step = registry.start()
    [(entry_id, entry)] = registry.events()
    assert step == SessionStep("new", b'{"a":1}', START_EVENT, entry_id)
    assert (entry.event, entry.user_id, entry.capture_id) == (START_EVENT, registry.user_id, "")
    assert entry.record_id
    assert registry.fields() == {
        "session_id": registry.session_id, "user_id": registry.user_id, "status": "active",
        "start_request": "request-1", "start_answer": '{"a":1}', "start_event": START_EVENT.decode(),
        "format": "2",
    }  # fmt: skip


DAY_S = 24 * 3600


def test_a_session_is_known_for_a_month_and_for_a_week_after_its_end(registry: Registry) -> None:
    registry.start()
    assert 29 * DAY_S < int(registry.backend.events.ttl(keys.session(registry.session_id))) <= 30 * DAY_S  # type: ignore[arg-type]
    registry.end()
    assert 6 * DAY_S < int(registry.backend.events.ttl(keys.session(registry.session_id))) <= 7 * DAY_S  # type: ignore[arg-type]


def test_a_session_is_known_for_a_month_from_its_last_capture(backend: Backend, unique: str) -> None:
    capture = ScriptedCapture(backend, unique)
    key = keys.session(capture.window.session_id)
    start_session(backend, capture.window.session_id, capture.window.user_id)
    backend.events.expire(key, 60)
    assert backend.run(records.reserve(capture.window, "socket-1", 4, NOW)) == "OK"
    assert 29 * DAY_S < int(backend.events.ttl(key)) <= 30 * DAY_S  # type: ignore[arg-type]


def test_a_repeated_start_gets_the_first_answer_and_publishes_nothing(registry: Registry) -> None:
    registry.start()
    before = registry.fields()
    assert registry.start(b'{"a":9}', b'{"other":1}') == SessionStep("again", b'{"a":1}', START_EVENT)
    assert registry.fields() == before
    assert len(registry.events()) == 1


def test_a_repeated_start_does_not_open_a_session_that_ended(registry: Registry) -> None:
    registry.start()
    registry.end()
    assert registry.start().word == "again"
    assert registry.fields()["status"] == "closed"


def test_a_session_is_closed_and_its_end_event_published_together(registry: Registry) -> None:
    registry.start()
    step = registry.end()
    _, (entry_id, entry) = registry.events()
    assert step == SessionStep("new", b'{"a":2}', END_EVENT, entry_id)
    assert (entry.event, entry.user_id) == (END_EVENT, registry.user_id)
    fields = registry.fields()
    assert (fields["status"], fields["end_request"], fields["end_answer"]) == ("closed", "request-2", '{"a":2}')


def test_a_repeated_end_gets_the_first_answer_and_publishes_nothing(registry: Registry) -> None:
    registry.start()
    registry.end()
    before = registry.fields()
    assert registry.end(answer=b'{"a":9}') == SessionStep("again", b'{"a":2}', END_EVENT)
    assert registry.fields() == before
    assert len(registry.events()) == 2


def test_another_request_to_end_a_session_that_ended_returns_that_it_ended(registry: Registry) -> None:
    registry.start()
    registry.end()
    before = registry.fields()
    assert registry.end("request-3") == SessionStep("closed")
    assert (registry.fields(), len(registry.events())) == (before, 2)


@pytest.mark.parametrize("ended", [False, True])
def test_a_user_cannot_end_or_detect_the_session_of_another_user(registry: Registry, ended: bool) -> None:
    registry.start()
    if ended:
        registry.end()
    before, published = registry.fields(), registry.events()
    assert registry.end(user_id="another") == SessionStep("wrong_user")
    assert (registry.fields(), registry.events()) == (before, published)


def test_a_session_that_was_never_started_cannot_end(registry: Registry) -> None:
    assert registry.end() == SessionStep("unknown")
    assert (registry.fields(), registry.events()) == ({}, [])


# --- the recorder's entries ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """One event that the recorder has read, with or without a capture."""

    backend: Backend
    capture_id: str
    entry_id: str

    def acknowledge(self) -> float | None:
        return self.backend.run(recording.acknowledge_event(self.entry_id, RECORDED, self.capture_id))

    def close(self) -> None:
        self.backend.run(records.mark_closed("user-1", self.capture_id))

    def dead_letter(self, fields: dict[bytes, bytes] | None = None) -> None:
        self.backend.run(dead_letters.dead_letter(self.entry_id, REFUSED, fields or {}, NOW, self.capture_id))

    def queued(self) -> bool:
        return bool(self.backend.events.xrange(keys.EVENTS, self.entry_id, self.entry_id))

    def pending(self) -> bool:
        """Whether the entry is pending in the group."""
        return bool(
            self.backend.events.xpending_range(keys.EVENTS, keys.RECORDER_GROUP, self.entry_id, self.entry_id, 1)
        )

    def receipt(self) -> Receipt:
        answer = self.backend.events.get(keys.receipt(self.entry_id))
        assert isinstance(answer, bytes)
        return Receipt.decode(answer)

    def record(self) -> dict[str, str]:
        answer = self.backend.events.hgetall(keys.capture_record(self.capture_id))
        return {name.decode(): value.decode() for name, value in answer.items()}  # type: ignore[union-attr]

    def unfinished(self) -> bool:
        return self.backend.events.zscore(keys.UNFINISHED, self.capture_id) is not None

    def dead(self) -> list[dict[bytes, bytes]]:
        letters = self.backend.events.xrange(keys.DEAD_EVENTS)
        return [fields for _, fields in letters if fields[b"entry_id"] == self.entry_id.encode()]  # type: ignore[union-attr]


def read_by_the_recorder(backend: Backend, entry: EventEntry) -> Entry:
    """A capture's event, published; or one that a client appended."""
    ensure_group_sync(backend.events, "events", keys.EVENTS, keys.RECORDER_GROUP)
    if entry.capture_id:
        backend.events.zadd(keys.UNFINISHED, {entry.capture_id: 1})
        backend.run(records.publish(entry, CaptureCounts()))
        entry_id = backend.events.hget(keys.capture_record(entry.capture_id), "entry_id")
    else:
        entry_id = backend.events.xadd(keys.EVENTS, entry.encode())  # type: ignore[arg-type]
    assert isinstance(entry_id, bytes)
    backend.events.xreadgroup(keys.RECORDER_GROUP, "me", {keys.EVENTS: ">"})
    found = Entry(backend, entry.capture_id, entry_id.decode())
    assert found.queued()
    assert found.pending()
    return found


@pytest.fixture
def captured(backend: Backend, unique: str) -> Entry:
    """The event of a capture, read by the recorder."""
    return read_by_the_recorder(backend, EventEntry(b"{}", "user-1", "sess_1", "record-1", f"capture-{unique}"))


@pytest.fixture
def appended(backend: Backend) -> Entry:
    """The event of no capture, read by the recorder."""
    return read_by_the_recorder(backend, EventEntry(b"{}", "user-1", "sess_1", "record-1"))


def test_an_acknowledged_entry_is_gone_from_stream_and_group(captured: Entry) -> None:
    captured.acknowledge()
    assert not captured.queued()
    assert not captured.pending()


def test_the_record_of_an_acknowledged_capture_has_the_time_of_its_line(captured: Entry) -> None:
    captured.acknowledge()
    record = captured.record()
    assert (record["outcome"], record["recorded_at"]) == ("published", RECORDED.recorded_at)
    assert not captured.unfinished()


def test_the_first_acknowledgement_returns_the_time_from_close_to_line(captured: Entry) -> None:
    captured.close()
    long_ago = int(captured.record()["closed_ms"]) - 60_000
    captured.backend.events.hset(keys.capture_record(captured.capture_id), "closed_ms", long_ago)
    captured.close()  # repeated: the first time is kept
    took_s = captured.acknowledge()
    assert took_s is not None and 60 <= took_s < 120
    assert captured.acknowledge() is None


def test_without_a_close_an_acknowledgement_returns_no_time(captured: Entry) -> None:
    assert captured.acknowledge() is None


def test_a_close_ends_the_socket_s_lease_and_restores_no_lapsed_record(captured: Entry) -> None:
    events, places = captured.backend.events, keys.user_captures("user-1")
    events.zadd(places, {captured.capture_id: 1})
    events.delete(keys.capture_record(captured.capture_id))
    captured.close()
    assert captured.record() == {}
    assert events.zscore(places, captured.capture_id) is None


@pytest.mark.parametrize("step", ["acknowledge", "dead_letter"])
def test_a_receipt_answers_for_a_minute(captured: Entry, step: str) -> None:
    captured.acknowledge() if step == "acknowledge" else captured.dead_letter()
    assert captured.receipt() == (RECORDED if step == "acknowledge" else REFUSED)
    assert 0 < int(captured.backend.events.ttl(keys.receipt(captured.entry_id))) <= 60  # type: ignore[arg-type]


@pytest.mark.parametrize("step", ["acknowledge", "dead_letter"])
def test_an_event_of_no_capture_touches_no_captures_record(appended: Entry, step: str) -> None:
    appended.backend.events.zadd(keys.UNFINISHED, {"": 1})
    appended.acknowledge() if step == "acknowledge" else appended.dead_letter()
    assert not appended.queued()
    assert appended.unfinished()
    assert appended.record() == {}
    appended.backend.events.zrem(keys.UNFINISHED, "")


@pytest.mark.parametrize("step", ["acknowledge", "dead_letter"])
def test_an_outcome_other_than_published_is_left_as_it_is(captured: Entry, step: str) -> None:
    captured.backend.events.hset(keys.capture_record(captured.capture_id), "outcome", "aborted")
    before = captured.record()
    captured.acknowledge() if step == "acknowledge" else captured.dead_letter()
    assert captured.record() == before
    assert not captured.unfinished()


@pytest.mark.parametrize("step", ["acknowledge", "dead_letter"])
def test_a_record_that_lapsed_is_not_written_again(captured: Entry, step: str) -> None:
    captured.backend.events.delete(keys.capture_record(captured.capture_id))
    captured.acknowledge() if step == "acknowledge" else captured.dead_letter()
    assert captured.record() == {}


def test_an_entry_may_be_acknowledged_twice(captured: Entry) -> None:
    captured.acknowledge()
    before = captured.record()
    captured.acknowledge()
    assert captured.record() == before
    assert captured.receipt() == RECORDED


def test_a_dead_letter_holds_the_whole_event_and_the_reason(captured: Entry) -> None:
    captured.dead_letter({b"event": b"\xff not JSON", b"user_id": b"user-1"})
    assert captured.dead() == [
        {
            b"reason": b"invalid_event", b"detail": b"it is no JSON object", b"buried_at": b"2026-01-31T12:00:00.000Z",
            b"entry_id": captured.entry_id.encode(), b"event": b"\xff not JSON", b"user_id": b"user-1",
            b"bytes_before": b"0", b"letter_format": b"2",
        }
    ]  # fmt: skip
    assert not captured.queued()
    assert not captured.pending()


def test_the_record_of_a_dead_letter_s_capture_has_the_outcome_dead(captured: Entry) -> None:
    captured.dead_letter()
    record = captured.record()
    assert (record["outcome"], record["error_code"]) == ("dead", "invalid_event")
    assert not captured.unfinished()


def test_a_capture_whose_event_is_dead_is_neither_published_nor_aborted_again(captured: Entry) -> None:
    captured.dead_letter()
    before = captured.record()
    again = EventEntry(b"{}", "user-1", "sess_1", "record-1", captured.capture_id)
    outcome = captured.backend.run(records.publish(again, CaptureCounts()))
    assert (outcome.outcome, outcome.new, outcome.error_code) == ("aborted", False, "invalid_event")
    outcome = captured.backend.run(records.abort("user-1", captured.capture_id, "gateway_lost"))
    assert (outcome.outcome, outcome.new, outcome.error_code) == ("aborted", False, "invalid_event")
    assert captured.record() == before


@pytest.fixture
def letterless(backend: Backend) -> Iterator[Backend]:
    """No dead letters, before and after."""
    backend.events.delete(keys.DEAD_EVENTS)
    yield backend
    backend.events.delete(keys.DEAD_EVENTS)


def letters(backend: Backend) -> list[dict[bytes, bytes]]:
    return [fields for _, fields in backend.events.xrange(keys.DEAD_EVENTS)]  # type: ignore[union-attr]


def dead_letter(backend: Backend, event: bytes, max_bytes: int = dead_letters.MAX_DEAD_BYTES) -> Lost:
    return backend.run(dead_letters.dead_letter("0-1", REFUSED, {b"event": event}, NOW, max_bytes=max_bytes))


def test_the_number_of_dead_letters_is_bounded(letterless: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "MAX_DEAD", 100)
    with_pipeline = letterless.events.pipeline(transaction=False)
    for _ in range(400):
        with_pipeline.xadd(keys.DEAD_EVENTS, {"entry_id": "0-0"})
    with_pipeline.execute()
    lost = dead_letter(letterless, b"x")
    assert 100 <= len(letters(letterless)) <= 200
    assert lost == (0, 401 - len(letters(letterless)))


def test_the_bytes_of_dead_letters_are_bounded_and_the_oldest_make_room_and_are_counted(letterless: Backend) -> None:
    lost = 0
    for number in range(40):
        lost += dead_letter(letterless, b"%02d" % number + b"x" * (1500 if number % 3 else 10), 10_000).for_room
        assert lost == number + 1 - len(letters(letterless))
        kept = letters(letterless)
        size = sum(
            len(name) + len(value) for fields in kept for name, value in fields.items() if name != b"bytes_before"
        )
        numbers = [int(fields[b"event"][:2]) for fields in kept]
        assert size <= 10_000
        assert numbers == list(range(number + 1))[-len(numbers) :], (
            "the kept dead letters must be the newest, without a gap"
        )
    assert size > 7_500, "more dead letters were dropped than necessary"
    dead_letter(letterless, b"y" * 9_880, 10_000)
    assert [fields[b"event"][:1] for fields in letters(letterless)] == [b"y"]


def test_dead_letters_from_before_the_bound_make_room_too(letterless: Backend) -> None:
    for _ in range(3):
        letterless.events.xadd(keys.DEAD_EVENTS, {"reason": "old", "event": "x" * 1000})
    for _ in range(8):
        dead_letter(letterless, b"x" * 1000, 5_000)
    assert {fields[b"reason"] for fields in letters(letterless)} == {b"invalid_event"}
    assert 3 <= len(letters(letterless)) <= 4


def test_dead_letters_are_kept_for_a_month(letterless: Backend) -> None:
    now_ms = int(letterless.events.time()[0]) * 1000  # type: ignore[index]
    for age_days in (31, 29):
        letterless.events.xadd(keys.DEAD_EVENTS, {"age": age_days}, id=f"{now_ms - age_days * DAY_S * 1000}-0")
    assert dead_letter(letterless, b"new") == (1, 0)
    assert [fields.get(b"age", b"new") for fields in letters(letterless)] == [b"29", b"new"]


def test_a_value_that_is_far_too_long_is_cut_and_its_length_is_noted(
    letterless: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "MAX_VALUE_BYTES", 100)
    dead_letter(letterless, b"x" * 1000)
    letterless.run(dead_letters.dead_letter_tail("users/u/sessions/s.jsonl", b"y" * 1000, "torn_line", "why", NOW))
    assert [(fields[b"event"], fields[b"event_length"]) for fields in letters(letterless)] == [
        (b"x" * 100, b"1000"),
        (b"y" * 100, b"1000"),
    ]


def test_a_refused_event_leaves_the_stream_and_is_no_dead_letter(letterless: Backend, appended: Entry) -> None:
    letterless.run(dead_letters.dead_letter(appended.entry_id, REFUSED, {}, NOW))
    assert letters(letterless) == [] and not appended.queued() and not appended.pending()
    assert appended.receipt() == REFUSED


# --- the active recorder -------------------------------------------------------------------------------


@pytest.fixture
def leaderless(backend: Backend) -> Iterator[Backend]:
    """No recorder is active, before and after."""
    backend.events.delete(keys.RECORDER_LEADER)
    yield backend
    backend.events.delete(keys.RECORDER_LEADER)


def test_one_recorder_leads_and_stays(leaderless: Backend) -> None:
    assert leaderless.run(recording.acquire_leadership("one"))
    assert not leaderless.run(recording.acquire_leadership("two"))
    assert leaderless.run(recording.acquire_leadership("one"))
    assert leaderless.events.get(keys.RECORDER_LEADER) == b"one"


def test_leading_lapses_and_is_renewed_only_by_the_leader(leaderless: Backend) -> None:
    leaderless.run(recording.acquire_leadership("one"))
    assert 0 < int(leaderless.events.pttl(keys.RECORDER_LEADER)) <= recording.LEADER_TTL_MS  # type: ignore[arg-type]
    leaderless.events.pexpire(keys.RECORDER_LEADER, 1000)
    leaderless.run(recording.acquire_leadership("two"))
    assert int(leaderless.events.pttl(keys.RECORDER_LEADER)) <= 1000  # type: ignore[arg-type]
    leaderless.run(recording.acquire_leadership("one"))
    assert 1000 < int(leaderless.events.pttl(keys.RECORDER_LEADER)) <= recording.LEADER_TTL_MS  # type: ignore[arg-type]


@pytest.mark.parametrize("ttl_ms", [None, recording.LEADER_TTL_MS + 1000])
def test_a_leader_s_key_without_a_valid_ttl_or_type_is_replaced(leaderless: Backend, ttl_ms: int | None) -> None:
    leaderless.events.set(keys.RECORDER_LEADER, b"\xff\x1b", px=ttl_ms)
    assert leaderless.run(recording.acquire_leadership("one"))
    leaderless.events.delete(keys.RECORDER_LEADER)
    leaderless.events.rpush(keys.RECORDER_LEADER, "a list")
    assert leaderless.run(recording.acquire_leadership("one"))
    assert leaderless.events.get(keys.RECORDER_LEADER) == b"one"


def test_a_standby_leads_when_the_leaders_key_has_lapsed(leaderless: Backend) -> None:
    leaderless.run(recording.acquire_leadership("one"))
    leaderless.events.delete(keys.RECORDER_LEADER)
    assert leaderless.run(recording.acquire_leadership("two"))
    assert not leaderless.run(recording.acquire_leadership("one"))


def test_a_leader_that_releases_leadership_lets_its_standby_in_at_once(leaderless: Backend) -> None:
    leaderless.run(recording.acquire_leadership("one"))
    assert leaderless.run(recording.release_leadership("one"))
    assert not leaderless.run(recording.release_leadership("one"))
    assert leaderless.run(recording.acquire_leadership("two"))


def test_a_recorder_cannot_release_the_leadership_of_another(leaderless: Backend) -> None:
    assert not leaderless.run(recording.release_leadership("two"))
    leaderless.run(recording.acquire_leadership("one"))
    assert not leaderless.run(recording.release_leadership("two"))
    assert not leaderless.run(recording.acquire_leadership("two"))
