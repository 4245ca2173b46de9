"""Real brokers that are full: what adds is refused as `BrokerFull` and changes nothing; what ends, drains and frees
still works. Each server is this test's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import redis

from contracts.broker import keys
from contracts.broker.roles import BrokerFull, ensure_group_sync
from contracts.state import captures, dead_letters, heartbeats, letters, recording, records, sessions
from contracts.state.events import EventEntry, Receipt
from contracts.state.frame import PushReply, TerminalEntry
from contracts.state.letters import DeadLetter
from contracts.state.records import CaptureCounts, Outcome
from tests.conftest import BrokerPair
from tests.contracts.scripting import Backend, ScriptedCapture, session_entry, start_session

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SESSION = "sess_0123456789abcdef"


@pytest.fixture
def own(own_brokers: BrokerPair) -> Iterator[Backend]:
    with own_brokers.frames.client() as frames, own_brokers.events.client() as events:
        yield Backend(own_brokers.frames.flavour, frames, events)


@contextmanager
def full(client: redis.Redis) -> Iterator[None]:
    """Make a server full: its maxmemory is half of the memory that it uses."""
    before = client.config_get("maxmemory")["maxmemory"]  # type: ignore[index]
    client.config_set("maxmemory", int(client.info("memory")["used_memory"]) // 2)  # type: ignore[index]
    with pytest.raises(redis.exceptions.OutOfMemoryError):
        client.set("one-more", "byte")
    yield
    client.config_set("maxmemory", before)


# --- frames --------------------------------------------------------------------------------------------


@pytest.fixture
def three(own: Backend) -> ScriptedCapture:
    """An open capture with three frames."""
    capture = ScriptedCapture(own, "capture-1")
    assert capture.open()
    for seq in (1, 2, 3):
        capture.push(seq)
    return capture


def test_a_full_broker_opens_no_capture_and_takes_no_frame_but_may_be_asked_again(three: ScriptedCapture) -> None:
    frames, other = three.backend.frames, ScriptedCapture(three.backend, "capture-2")
    before = (three.state(), three.entries())
    with full(frames):
        with pytest.raises(BrokerFull):
            three.push(4)
        with pytest.raises(BrokerFull):
            other.open()
        assert (three.state(), three.entries(), other.state()) == (*before, {})
        assert three.push(3) == PushReply(depth=3, backlog_bytes=30)  # a repeat writes nothing
        assert three.open()
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            frames.set("still", "full")
    assert three.push(4).depth == 4
    assert other.open()


def test_a_full_broker_keeps_draining(three: ScriptedCapture) -> None:
    with full(three.backend.frames):
        token = three.claimed().token
        for seq in (1, 2, 3):
            assert three.row(token, seq, restart=seq == 1, found={"pose": True})
        assert (three.entries(), three.rows()) == ([], [1, 2, 3])
        state = three.state()
        assert (state["extracted"], state["backlog_bytes"], state["found_pose"]) == ("3", "0", "3")
        assert (state["tracker_restarts"]) == "1"


@pytest.mark.parametrize(
    "entry", [TerminalEntry("close", timestamp_end=NOW), TerminalEntry("abort", error_code="gateway_lost")]
)
def test_a_capture_lives_and_ends_on_a_full_broker(three: ScriptedCapture, entry: TerminalEntry) -> None:
    run, capture_id = three.backend.run, three.capture_id
    with full(three.backend.frames):
        watched = run(captures.watch(capture_id))
        assert watched is not None
        assert watched.backlog_frames == 3
        token = three.claimed().token
        assert run(captures.heartbeat(capture_id, token))
        assert run(captures.measure(capture_id, token, expected=3, accepted=3))
        assert run(captures.hand_back(capture_id, token))
        assert three.end(entry)[0] in ("closed", "aborted")
        assert three.entries()[-1] == "4-0"
        state = three.claimed()
        assert (state.generation, state.deliveries) == (2, 1)
        assert run(captures.finish_capture(capture_id, state.token))
        assert three.ttls()[1:] == (-2, -2)


def test_the_idle_rule_works_on_a_full_broker(three: ScriptedCapture) -> None:
    three.untouched_for(10_000)
    with full(three.backend.frames):
        assert three.end(TerminalEntry("abort", error_code="gateway_lost"), idle_ms=10_000)[0] == "aborted"


def test_a_dispatch_entry_is_acknowledged_on_a_full_broker(own: Backend) -> None:
    ensure_group_sync(own.frames, "frames", keys.CAPTURES, keys.EXTRACTOR_GROUP)
    entry_id = own.frames.xadd(keys.CAPTURES, {"capture_id": "capture-1"})
    own.frames.xreadgroup(keys.EXTRACTOR_GROUP, "me", {keys.CAPTURES: ">"})
    with full(own.frames):
        own.run(captures.acknowledge(entry_id.decode()))  # type: ignore[union-attr]
        assert own.frames.xlen(keys.CAPTURES) == 0


@pytest.mark.parametrize("known", [False, True])
def test_an_extractor_is_alive_on_a_full_broker_however_long_it_was_away(own: Backend, known: bool) -> None:
    if known:
        own.run(heartbeats.alive("me"))
    own.frames.zadd(keys.EXTRACTORS, {"silent": 1})
    with full(own.frames):
        assert own.run(heartbeats.alive("me")) == ["silent"]
        assert own.run(heartbeats.alive("me")) == []
        assert own.frames.zscore(keys.EXTRACTORS, "me") is not None


# --- events --------------------------------------------------------------------------------------------


@pytest.fixture
def reserved(own: Backend) -> ScriptedCapture:
    """A capture whose durable record has no outcome yet."""
    start_session(own, SESSION, "user-1")
    ensure_group_sync(own.events, "events", keys.EVENTS, keys.RECORDER_GROUP)
    capture = ScriptedCapture(own, "capture-1")
    assert own.run(records.reserve(capture.window, "socket-1", 4, NOW)) == "OK"
    return capture


def event_of(capture: ScriptedCapture) -> EventEntry:
    return EventEntry(b"{}", "user-1", SESSION, capture.window.record_id, capture.capture_id)


def record_of(capture: ScriptedCapture) -> dict[bytes, bytes]:
    return capture.backend.events.hgetall(keys.capture_record(capture.capture_id))  # type: ignore[return-value]


def test_a_full_broker_publishes_no_event_and_does_so_later(reserved: ScriptedCapture) -> None:
    events, run, before = reserved.backend.events, reserved.backend.run, record_of(reserved)
    with full(events):
        with pytest.raises(BrokerFull):
            run(records.publish(event_of(reserved), CaptureCounts()))
        assert record_of(reserved) == before
        assert events.xlen(keys.EVENTS) == 1  # the session's start
    assert run(records.publish(event_of(reserved), CaptureCounts())) == Outcome("published", True, b"{}")
    with full(events):  # repeated: the script only reads
        assert not run(records.publish(event_of(reserved), CaptureCounts())).new


def test_a_full_broker_reserves_no_capture_and_starts_and_ends_no_session(reserved: ScriptedCapture) -> None:
    own, other = reserved.backend, ScriptedCapture(reserved.backend, "capture-2")
    before = own.events.dbsize()
    with full(own.events):
        for call in (
            records.reserve(other.window, "socket-2", 4, NOW),
            sessions.start_session("request", b"{}", session_entry("sess_ffffffffffffffff", "user-1")),
            sessions.end_session("request", b"{}", session_entry(SESSION, "user-1")),
        ):
            with pytest.raises(BrokerFull):
                own.run(call)
        assert own.events.dbsize() == before
        assert own.events.hget(keys.session(SESSION), "status") == b"active"
        assert own.run(records.reserve(reserved.window, "socket-1", 4, NOW)) == "OK"  # a repeat writes nothing
    assert own.run(records.reserve(other.window, "socket-2", 4, NOW)) == "OK"


@pytest.mark.parametrize("counts", [None, CaptureCounts(3, 2, {"pose": 2})])
def test_a_capture_is_aborted_and_its_session_asked_for_on_a_full_broker(
    reserved: ScriptedCapture, counts: CaptureCounts | None
) -> None:
    run = reserved.backend.run
    with full(reserved.backend.events):
        assert run(records.recheck("user-1", SESSION, reserved.capture_id)) == "active"
        assert run(records.abort("user-1", reserved.capture_id, "gateway_lost", counts)).new
        assert record_of(reserved)[b"outcome"] == b"aborted"


@pytest.mark.parametrize("dead", [False, True])
def test_a_full_broker_keeps_being_recorded(reserved: ScriptedCapture, dead: bool) -> None:
    own = reserved.backend
    own.run(records.publish(event_of(reserved), CaptureCounts()))
    [[_, entries]] = own.events.xreadgroup(keys.RECORDER_GROUP, "me", {keys.EVENTS: ">"})  # type: ignore[misc]
    entry_id, fields = entries[-1]
    with full(own.events):
        if dead:
            refused = Receipt(error="invalid_event", detail="why")
            own.run(dead_letters.dead_letter(entry_id.decode(), refused, fields, NOW, reserved.capture_id))
            assert own.events.xlen(keys.DEAD_EVENTS) == 1
        else:
            recorded = Receipt(recorded_at="2026-01-31T12:00:00.000Z")
            own.run(recording.acknowledge_event(entry_id.decode(), recorded, reserved.capture_id))
            assert record_of(reserved)[b"recorded_at"] == recorded.recorded_at.encode()
        assert own.events.get(keys.receipt(entry_id.decode())) is not None
        assert own.events.zscore(keys.UNFINISHED, reserved.capture_id) is None


def test_a_full_broker_takes_a_dead_letter_back(reserved: ScriptedCapture) -> None:
    own, entry = reserved.backend, event_of(reserved)
    fields = {name.encode(): v if isinstance(v, bytes) else v.encode() for name, v in entry.encode().items()}
    own.run(dead_letters.dead_letter("1-0", Receipt(error="invalid_event", detail="why"), fields, NOW))
    [[letter_id, kept]] = own.events.xrange(keys.DEAD_EVENTS)  # type: ignore[misc]
    before = own.events.xlen(keys.EVENTS)
    with full(own.events):
        assert own.run(letters.retry_letter(DeadLetter.decode(letter_id.decode(), kept), entry)).at is not None
        assert (own.events.xlen(keys.DEAD_EVENTS), own.events.xlen(keys.EVENTS)) == (0, before + 1)  # type: ignore[operator]


def test_recorders_take_turns_on_a_full_broker(own: Backend) -> None:
    with full(own.events):
        assert own.run(recording.acquire_leadership("one"))
        assert not own.run(recording.acquire_leadership("two"))
        assert own.run(recording.release_leadership("one"))
        assert own.run(recording.acquire_leadership("two"))
