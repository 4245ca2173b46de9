"""A capture's durable record in the events role, rule by rule: reserve, recheck, publish, abort."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from contracts.broker import keys
from contracts.state import records, sessions
from contracts.state.captures import CaptureWindow
from contracts.state.events import EventEntry, append_events
from contracts.state.records import RECORD_TTL_S, CaptureCounts, CaptureRecord, Outcome
from tests.contracts.scripting import Backend, session_entry, start_session, window

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
COUNTS = CaptureCounts(30, 29, {"pose": 28, "left_hand": 1, "right_hand": 2, "face": 27})


@dataclass(frozen=True)
class Desk:
    """The events role with a user and an active session of one test."""

    backend: Backend
    user_id: str
    session_id: str

    def window(self, name: str, record_id: str = "") -> CaptureWindow:
        return window(f"{self.user_id}-{name}", user_id=self.user_id, session_id=self.session_id, record_id=record_id)

    def reserve(self, capture: CaptureWindow, connection: str = "socket-1", room: int = 4) -> str:
        return self.backend.run(records.reserve(capture, connection, room, NOW))

    def recheck(self, capture: CaptureWindow, lease_ms: int = records.SOCKET_LEASE_MS) -> str:
        return self.backend.run(
            records.recheck(capture.user_id, capture.session_id, capture.capture_id, lease_ms=lease_ms)
        )

    def publish(self, capture: CaptureWindow, event: bytes = b'{"n":1}') -> Outcome:
        entry = EventEntry(event, capture.user_id, capture.session_id, capture.record_id, capture.capture_id)
        return self.backend.run(records.publish(entry, COUNTS))

    def abort(self, capture: CaptureWindow, counts: CaptureCounts | None = None, code: str = "gateway_lost") -> Outcome:
        return self.backend.run(records.abort(capture.user_id, capture.capture_id, code, counts))  # type: ignore[arg-type]

    def fields(self, capture: CaptureWindow) -> dict[str, str]:
        answer = self.backend.events.hgetall(keys.capture_record(capture.capture_id))
        return {name.decode(): value.decode() for name, value in answer.items()}  # type: ignore[union-attr]

    def record(self, capture: CaptureWindow) -> CaptureRecord:
        return CaptureRecord.decode(self.backend.events.hgetall(keys.capture_record(capture.capture_id)))  # type: ignore[arg-type]

    def published(self) -> list[dict[bytes, bytes]]:
        """The entries of this user in the stream, without the start of the session."""
        entries = self.backend.events.xrange(keys.EVENTS)
        return [f for _, f in entries if f[b"user_id"] == self.user_id.encode() and b"capture_id" in f]  # type: ignore[union-attr]

    def unfinished(self, capture: CaptureWindow) -> bool:
        return self.backend.events.zscore(keys.UNFINISHED, capture.capture_id) is not None

    def sockets(self) -> list[str]:
        """The user's captures with an open socket."""
        names = self.backend.events.zrange(keys.user_captures(self.user_id), 0, -1)
        return [name.decode() for name in names]  # type: ignore[union-attr]

    def lapses(self, capture: CaptureWindow) -> None:
        """Let the socket's lease run out."""
        self.backend.events.zadd(keys.user_captures(self.user_id), {capture.capture_id: 1})

    def ends(self) -> None:
        """End the session."""
        self.backend.run(sessions.end_session("end", b"{}", session_entry(self.session_id, self.user_id)))

    def now_ms(self) -> int:
        seconds, microseconds = self.backend.events.time()  # type: ignore[misc]
        return int(seconds) * 1000 + int(microseconds) // 1000


@pytest.fixture
def desk(backend: Backend, unique: str) -> Desk:
    start_session(backend, f"sess_{unique}", f"user-{unique}")
    return Desk(backend, f"user-{unique}", f"sess_{unique}")


# --- reserve -------------------------------------------------------------------------------------------


def test_a_reservation_is_the_durable_record_kept_for_a_week(desk: Desk) -> None:
    one = desk.window("one")
    assert desk.reserve(one) == "OK"
    assert desk.fields(one) == {
        "capture_id": one.capture_id, "user_id": one.user_id, "connection": "socket-1",
        "session_id": one.session_id, "record_id": one.record_id, "opened_at": "2026-01-31T12:00:00.000Z",
        "format": "2",
    }  # fmt: skip
    assert desk.record(one).outcome == ""
    assert desk.unfinished(one)
    assert desk.sockets() == [one.capture_id]
    window_key = keys.window(one.session_id, one.record_id)
    assert desk.backend.events.get(window_key) == one.capture_id.encode()
    for key in (keys.capture_record(one.capture_id), window_key):
        assert RECORD_TTL_S - 3600 < int(desk.backend.events.ttl(key)) <= RECORD_TTL_S  # type: ignore[arg-type]


def test_the_sweep_learns_from_the_brokers_clock_when_a_capture_was_reserved(desk: Desk) -> None:
    one, before = desk.window("one"), desk.now_ms()
    desk.reserve(one)
    score = desk.backend.events.zscore(keys.UNFINISHED, one.capture_id)
    assert before <= int(score or 0) <= desk.now_ms()  # type: ignore[arg-type]


def test_a_reservation_needs_a_session_that_exists(desk: Desk) -> None:
    one = desk.window("one").model_copy(update={"session_id": "sess_ffffffffffffffff"})
    assert desk.reserve(one) == "session_invalid"
    assert nothing_was_reserved(desk, one)


def test_a_reservation_needs_a_session_of_its_user(desk: Desk) -> None:
    one = desk.window("one").model_copy(update={"user_id": desk.user_id + "-other"})
    assert desk.reserve(one) == "session_invalid"
    assert nothing_was_reserved(desk, one)


def test_a_reservation_needs_an_open_session(desk: Desk) -> None:
    desk.ends()
    one = desk.window("one")
    assert desk.reserve(one) == "session_closed"
    assert nothing_was_reserved(desk, one)


def test_a_withdrawal_of_the_whole_session_refuses_captures_from_the_moment_at_which_it_is_queued(desk: Desk) -> None:
    entry = session_entry(desk.session_id, desk.user_id, b'{"event":"consent.withdrawn"}')
    open_one, late = desk.window("open"), desk.window("late")
    assert desk.reserve(open_one) == "OK"
    (entry_id,) = desk.backend.run(append_events([entry], [desk.session_id]))
    assert desk.backend.events.xrange(keys.EVENTS, entry_id, entry_id)
    assert desk.reserve(late) == desk.recheck(open_one) == "consent_withdrawn"
    assert desk.fields(late) == {}
    desk.ends()
    assert desk.reserve(late) == desk.recheck(open_one) == "session_closed"


def test_other_events_and_other_users_withdraw_no_session(desk: Desk) -> None:
    one = desk.window("one")
    assert desk.reserve(one) == "OK"
    for user_id, withdrawn in ((desk.user_id, ()), (f"{desk.user_id}-other", (desk.session_id,))):
        desk.backend.run(append_events([session_entry(desk.session_id, user_id)], withdrawn))
    assert desk.recheck(one) == "active"


@pytest.mark.parametrize("value", [None, "a string"])
def test_a_session_that_is_unknown_or_unreadable_stops_no_withdrawal(
    desk: Desk, unique: str, value: str | None
) -> None:
    session_id = f"sess_{unique[::-1]}"
    if value:
        desk.backend.events.set(keys.session(session_id), value)
    entries = [session_entry(each, desk.user_id) for each in (session_id, desk.session_id)]
    assert len(desk.backend.run(append_events(entries, {session_id, desk.session_id}))) == 2
    assert desk.backend.events.type(keys.session(session_id)) == (b"string" if value else b"none")
    assert desk.reserve(desk.window("one")) == "consent_withdrawn"


def test_the_same_connection_may_ask_again_and_nothing_changes(desk: Desk) -> None:
    one = desk.window("one")
    desk.reserve(one, room=1)
    before = desk.fields(one)
    assert desk.reserve(one, room=1) == "OK"
    assert desk.fields(one) == before
    assert desk.sockets() == [one.capture_id]


def test_another_connection_with_the_same_capture_is_a_duplicate(desk: Desk) -> None:
    one = desk.window("one")
    desk.reserve(one)
    before = desk.fields(one)
    assert desk.reserve(one, "socket-2") == "duplicate_capture"
    assert desk.reserve(desk.window("one"), "socket-2") == "duplicate_capture"  # in another window too
    assert desk.fields(one) == before


def test_a_window_belongs_to_one_capture_of_its_session(desk: Desk) -> None:
    one = desk.window("one")
    desk.reserve(one)
    two = desk.window("two", one.record_id.upper())
    assert desk.reserve(two) == "duplicate_capture"
    assert desk.fields(two) == {}
    other = Desk(desk.backend, desk.user_id, desk.session_id[:-4] + "0000")
    start_session(desk.backend, other.session_id, other.user_id)
    assert desk.reserve(other.window("three", one.record_id)) == "OK"


def test_an_id_or_window_whose_capture_was_aborted_stays_taken(desk: Desk) -> None:
    one = desk.window("one")
    desk.reserve(one)
    desk.abort(one)
    assert desk.reserve(one, "socket-2") == "duplicate_capture"
    assert desk.reserve(desk.window("two", one.record_id), "socket-2") == "duplicate_capture"


def test_the_number_of_sockets_of_a_user_is_limited(desk: Desk) -> None:
    one, two, three = desk.window("one"), desk.window("two"), desk.window("three")
    assert [desk.reserve(w, room=2) for w in (one, two, three)] == ["OK", "OK", "too_many_captures"]
    assert desk.fields(three) == {}
    assert not desk.unfinished(three)
    assert desk.backend.events.exists(keys.window(three.session_id, three.record_id)) == 0


def test_the_sockets_of_another_user_do_not_count(desk: Desk) -> None:
    other = Desk(desk.backend, desk.user_id + "-other", desk.session_id[:-4] + "0000")
    start_session(desk.backend, other.session_id, other.user_id)
    assert desk.reserve(desk.window("one"), room=1) == "OK"
    assert other.reserve(other.window("one"), room=1) == "OK"


def test_an_abort_or_a_lapsed_lease_makes_room(desk: Desk) -> None:
    one, two, three = desk.window("one"), desk.window("two"), desk.window("three")
    desk.reserve(one, room=1)
    desk.abort(one)
    assert desk.reserve(two, room=1) == "OK"
    desk.lapses(two)
    assert desk.reserve(three, room=1) == "OK"
    assert desk.sockets() == [three.capture_id]  # the lapsed lease was removed


def test_the_list_of_a_users_sockets_lapses_with_the_last_of_them(desk: Desk) -> None:
    desk.reserve(desk.window("one"))
    left_ms = int(desk.backend.events.pttl(keys.user_captures(desk.user_id)))  # type: ignore[arg-type]
    assert 0 < left_ms <= records.SOCKET_LEASE_MS


# --- recheck -------------------------------------------------------------------------------------------


def test_recheck_says_whether_the_session_is_still_open(desk: Desk) -> None:
    one = desk.window("one")
    desk.reserve(one)
    assert desk.recheck(one) == "active"
    assert desk.recheck(one.model_copy(update={"user_id": "another"})) == "session_invalid"
    assert desk.recheck(one.model_copy(update={"session_id": "sess_ffffffffffffffff"})) == "session_invalid"
    desk.ends()
    assert desk.recheck(one) == "session_closed"


@pytest.mark.parametrize("ended", [False, True])
def test_recheck_renews_the_socket_s_lease_whatever_it_answers(desk: Desk, ended: bool) -> None:
    one = desk.window("one")
    desk.reserve(one)
    if ended:
        desk.ends()
    desk.lapses(one)
    before = desk.now_ms()
    desk.recheck(one, lease_ms=500_000)
    place = keys.user_captures(desk.user_id)
    assert before + 500_000 <= int(desk.backend.events.zscore(place, one.capture_id) or 0)  # type: ignore[arg-type]
    assert records.SOCKET_LEASE_MS < int(desk.backend.events.pttl(place)) <= 500_000  # type: ignore[arg-type]


def test_recheck_gives_no_lease_to_a_capture_that_has_none(desk: Desk) -> None:
    one, two = desk.window("one"), desk.window("two")
    desk.reserve(one)
    desk.abort(one)
    assert desk.recheck(one) == "active"
    assert desk.recheck(two) == "active"
    assert desk.sockets() == []


# --- publish -------------------------------------------------------------------------------------------


def test_an_event_is_published_and_recorded_in_one_step(desk: Desk) -> None:
    one = desk.window("one")
    desk.reserve(one)
    assert desk.publish(one) == Outcome("published", True, b'{"n":1}')
    [entry] = desk.published()
    assert EventEntry.decode(entry) == EventEntry(
        b'{"n":1}', one.user_id, one.session_id, one.record_id, one.capture_id
    )
    record = desk.record(one)
    assert (record.outcome, record.event, record.counts) == ("published", b'{"n":1}', COUNTS)
    stored = desk.backend.events.xrange(keys.EVENTS, record.entry_id, record.entry_id)
    assert stored[0][1] == entry  # type: ignore[index]
    assert desk.unfinished(one)  # stays unfinished until its line is in the file


def test_a_capture_has_one_event_and_the_first_is_kept(desk: Desk) -> None:
    one = desk.window("one")
    desk.reserve(one)
    desk.publish(one)
    before = desk.fields(one)
    assert desk.publish(one) == Outcome("published", False, b'{"n":1}')
    assert desk.publish(one, b'{"n":2}') == Outcome("published", False, b'{"n":1}')
    assert desk.fields(one) == before
    assert len(desk.published()) == 1


def test_after_an_abort_nothing_is_published(desk: Desk) -> None:
    one = desk.window("one")
    desk.reserve(one)
    desk.abort(one, code="server_shutdown")
    before = desk.fields(one)
    assert desk.publish(one) == Outcome("aborted", False, error_code="server_shutdown")
    assert desk.fields(one) == before
    assert desk.published() == []


def test_a_record_that_lapsed_is_written_again_and_whole(desk: Desk) -> None:
    one = desk.window("one")
    desk.publish(one)
    record = desk.record(one)
    assert (record.capture_id, record.user_id, record.session_id, record.record_id) == (
        one.capture_id, one.user_id, one.session_id, one.record_id,
    )  # fmt: skip
    left_s = int(desk.backend.events.ttl(keys.capture_record(one.capture_id)))  # type: ignore[arg-type]
    assert RECORD_TTL_S - 3600 < left_s <= RECORD_TTL_S


@pytest.mark.parametrize("how", ["publish", "abort"])
def test_an_outcome_is_kept_for_a_week_from_then(desk: Desk, how: str) -> None:
    one = desk.window("one")
    desk.reserve(one)
    key = keys.capture_record(one.capture_id)
    desk.backend.events.expire(key, 100)
    desk.publish(one) if how == "publish" else desk.abort(one)
    assert int(desk.backend.events.ttl(key)) > RECORD_TTL_S - 3600  # type: ignore[arg-type]


# --- abort ---------------------------------------------------------------------------------------------


def test_an_abort_is_the_outcome_and_ends_the_socket_s_lease(desk: Desk) -> None:
    one = desk.window("one")
    desk.reserve(one)
    assert desk.abort(one, COUNTS) == Outcome("aborted", True, error_code="gateway_lost")
    record = desk.record(one)
    assert (record.outcome, record.error_code, record.counts) == ("aborted", "gateway_lost", COUNTS)
    assert not desk.unfinished(one)
    assert desk.sockets() == []


def test_an_abort_without_counts_is_the_gateways(desk: Desk) -> None:
    one = desk.window("one")
    desk.reserve(one)
    desk.abort(one)
    assert desk.fields(one)["ended_by"] == "gateway"
    assert desk.record(one).counts == CaptureCounts(found=dict.fromkeys(COUNTS.found or {}, 0))


def test_the_first_abort_is_kept(desk: Desk) -> None:
    one = desk.window("one")
    desk.reserve(one)
    desk.abort(one, code="server_shutdown")
    before = desk.fields(one)
    assert desk.abort(one, COUNTS, "gateway_lost") == Outcome("aborted", False, error_code="server_shutdown")
    assert desk.fields(one) == before


def test_a_published_capture_cannot_be_aborted_and_waits_for_its_line(desk: Desk) -> None:
    one = desk.window("one")
    desk.reserve(one)
    desk.publish(one)
    before = desk.fields(one)
    assert desk.abort(one) == Outcome("published", False)
    assert desk.fields(one) == before
    assert desk.unfinished(one)
    assert desk.sockets() == []  # its socket is closed even so


def test_an_abort_of_an_unknown_capture_creates_no_record(desk: Desk) -> None:
    one = desk.window("one")
    desk.backend.events.zadd(keys.UNFINISHED, {one.capture_id: 1})
    assert desk.abort(one) == Outcome("unknown", False)
    assert desk.fields(one) == {}
    assert not desk.unfinished(one)


def nothing_was_reserved(desk: Desk, capture: CaptureWindow) -> bool:
    window_key, place = keys.window(capture.session_id, capture.record_id), keys.user_captures(capture.user_id)
    return (
        desk.fields(capture) == {}
        and not desk.unfinished(capture)
        and desk.backend.events.exists(window_key, place) == 0
    )
