"""The scripts of the real-time lane: which worker serves a session, and entries that are deleted after use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from contracts.broker.keys import LIVE_SESSIONS, LIVE_WORKERS, live_inbox, live_outbox
from contracts.broker.script import Call
from contracts.state import live
from contracts.state.live import Answer, LiveFrame, WorkerSlot
from tests.contracts.scripting import Backend

LONG_AGO_MS = 1_000


@pytest.fixture
def lane(backend: Backend) -> Iterator[Backend]:
    """The backend without the workers and sessions of other tests."""
    backend.frames.delete(LIVE_WORKERS, LIVE_SESSIONS)
    yield backend
    backend.frames.delete(LIVE_WORKERS, LIVE_SESSIONS)


def frame(live_id: str, frame_index: int = 0) -> LiveFrame:
    return LiveFrame(live_id, frame_index, "pose", "gateway-1", b"\xff\xd8\x00\xff\xd9")


def run(backend: Backend, call: Call[Any]) -> Any:
    return backend.run(call)


def fall_silent(backend: Backend, worker: str) -> None:
    backend.frames.zadd(LIVE_WORKERS, {worker: LONG_AGO_MS})


def lapse(backend: Backend, place: WorkerSlot) -> None:
    backend.frames.zadd(LIVE_SESSIONS, {place.member: LONG_AGO_MS})


def test_without_a_worker_there_is_no_slot(lane: Backend) -> None:
    assert run(lane, live.join("s")) is None
    assert not lane.frames.exists(LIVE_SESSIONS)


def test_sessions_go_to_the_worker_that_has_the_fewest(lane: Backend) -> None:
    for worker in ("a", "b"):
        run(lane, live.alive(worker))
    workers = [run(lane, live.join(f"s{number}")).worker for number in range(6)]
    assert sorted(workers) == ["a", "a", "a", "b", "b", "b"]


def test_a_session_keeps_its_worker_however_often_it_asks(lane: Backend) -> None:
    for worker in ("a", "b"):
        run(lane, live.alive(worker))
    place = run(lane, live.join("s"))
    others = [run(lane, live.join(f"other{number}")) for number in range(3)]
    assert len(others) == 3
    assert run(lane, live.join("s")) == place
    assert lane.frames.zcard(LIVE_SESSIONS) == 4


def test_a_silent_worker_gets_no_session_and_loses_those_it_has(lane: Backend) -> None:
    run(lane, live.alive("a"))
    place = run(lane, live.join("s"))
    run(lane, live.alive("b"))
    assert run(lane, live.renew([place])) == []
    fall_silent(lane, "a")
    assert run(lane, live.renew([place])) == [place]
    assert run(lane, live.join("s")).worker == "b"
    assert run(lane, live.join("t")).worker == "b"


def test_a_heartbeat_returns_the_sessions_of_its_worker_alone(lane: Backend) -> None:
    assert run(lane, live.alive("a")) == set()
    place = run(lane, live.join("s"))
    run(lane, live.alive("b"))
    run(lane, live.join("t"))
    assert run(lane, live.alive("a")) == {"s"}
    assert run(lane, live.alive("b")) == {"t"}
    lapse(lane, place)
    assert run(lane, live.alive("a")) == set()


def test_renewing_keeps_a_slot_and_restores_a_lapsed_one(lane: Backend) -> None:
    run(lane, live.alive("a"))
    place = run(lane, live.join("s"))
    lapse(lane, place)
    assert run(lane, live.renew([place])) == []
    assert run(lane, live.alive("a")) == {"s"}
    assert 0 < lane.frames.pttl(LIVE_SESSIONS) <= live.LIVE_LEASE_MS


def test_a_worker_that_was_silent_for_long_is_forgotten(lane: Backend) -> None:
    run(lane, live.alive("a"))
    fall_silent(lane, "a")
    run(lane, live.alive("b"))
    assert lane.frames.zrange(LIVE_WORKERS, 0, -1) == [b"b"]


def test_a_worker_and_a_gateway_may_have_any_name(lane: Backend) -> None:
    run(lane, live.alive("host/with/slashes-1"))
    place = run(lane, live.join("s"))
    assert place == WorkerSlot("host/with/slashes-1", "s")
    fall_silent(lane, place.worker)
    assert run(lane, live.renew([place])) == [place]


def test_a_frame_and_its_answer_come_as_they_were_put(lane: Backend, unique: str) -> None:
    sent, answer = frame(unique, 7), Answer(unique, 7, b'{"pipeline":"pose"}')
    run(lane, live.put_frame(unique, sent))
    run(lane, live.put_answer(unique, answer))
    [(_, fields)] = lane.frames.xrange(live_inbox(unique))
    assert LiveFrame.decode(fields) == sent
    [(_, fields)] = lane.frames.xrange(live_outbox(unique))
    assert Answer.decode(fields) == answer


def test_an_answer_keeps_its_error(lane: Backend, unique: str) -> None:
    answer = Answer(unique, 0, b"The pipeline failed.", "pipeline_failure")
    run(lane, live.put_answer(unique, answer))
    [(_, fields)] = lane.frames.xrange(live_outbox(unique))
    assert Answer.decode(fields) == answer
    with pytest.raises(ValueError, match="not a code"):
        Answer.decode({**fields, b"error": b"nonsense"})


def test_deleting_the_last_entry_deletes_the_stream(lane: Backend, unique: str) -> None:
    inbox = live_inbox(unique)
    first, second = (run(lane, live.put_frame(unique, frame(live_id))) for live_id in ("s", "t"))
    run(lane, live.drop(inbox, [first]))
    assert lane.frames.xlen(inbox) == 1
    for _ in range(2):  # repeated it changes nothing
        run(lane, live.drop(inbox, [second]))
        assert not lane.frames.exists(inbox)


def test_entries_that_are_not_taken_expire(lane: Backend, unique: str) -> None:
    run(lane, live.put_frame(unique, frame("s")))
    assert 0 < lane.frames.pttl(live_inbox(unique)) <= live.ENTRY_TTL_MS


def test_a_frame_never_shows_its_bytes() -> None:
    assert "d8" not in repr(frame("s")) and repr(frame("s")).endswith("bytes=5)")
