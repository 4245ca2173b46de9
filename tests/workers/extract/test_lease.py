"""Claims, leases, fencing and handing back, on real brokers."""

from __future__ import annotations

import threading

import pytest
import redis

from contracts.broker import keys
from contracts.broker.keys import capture_keys
from contracts.broker.roles import ensure_group_sync
from contracts.rules.errors import BrokerUnavailable, LeaseLost, UnreadableValue
from contracts.state import captures
from tests.conftest import BrokerPair
from tests.support.waiting import DEADLINE_S, wait_until
from tests.workers.broker_capture import BrokerCapture, quick, stopped
from workers.extract.capture_job import CaptureJob
from workers.extract.dispatch import forget_consumer
from workers.extract.heartbeat import FrameClock, Heartbeat


def test_a_new_capture_is_delivered_to_one_extractor_only(real_capture: BrokerCapture) -> None:
    one, two = real_capture.dependencies("one"), real_capture.dependencies("two")
    claimed = real_capture.take(one)
    assert (claimed.state.generation, claimed.state.deliveries) == (1, 1)
    assert two.dispatch.take() is None
    assert one.dispatch.take() is None


def test_a_lease_not_renewed_is_taken_over(real_capture: BrokerCapture) -> None:
    brief = quick(lease_ms=150)
    real_capture.take(real_capture.dependencies("one"))
    claimed = wait_until(real_capture.dependencies("two", brief).dispatch.take)
    assert (claimed.state.generation, claimed.state.deliveries) == (2, 2)


def test_a_lease_that_is_renewed_is_not_taken_over(real_capture: BrokerCapture) -> None:
    brief = quick(lease_ms=1_000, heartbeat_s=0.02, poll_ms=50)
    heartbeat = Heartbeat(real_capture.frames, "one", brief, FrameClock())
    claimed = real_capture.take(real_capture.dependencies("one", brief))
    other = real_capture.dependencies("two", brief)
    with heartbeat.holding(claimed.lease):
        heartbeat.start()
        for _ in range(30):  # of poll_ms each: longer than a lease
            assert other.dispatch.take() is None
        heartbeat.end()
        heartbeat.join()
        wait_until(other.dispatch.take)
    delivered = real_capture.pending()[0]["times_delivered"]
    assert delivered == 2, "a renewal is not a delivery"


def test_an_abandoned_capture_comes_before_a_new_one_and_both_in_turn(real_capture: BrokerCapture) -> None:
    real_capture.take(real_capture.dependencies("one"))
    real_capture.abandon()
    second = BrokerCapture(real_capture.frames, real_capture.events, real_capture.data_root, real_capture.unique)
    second.open(reserve=False)
    dispatch = real_capture.dependencies("two").dispatch
    taken = [wait_until(dispatch.take).state.window.capture_id for _ in range(2)]
    assert taken == [real_capture.capture_id, second.capture_id]


def test_an_abandoned_capture_is_found_behind_many_that_are_not(real_capture: BrokerCapture) -> None:
    for _ in range(25):
        BrokerCapture(real_capture.frames, real_capture.events, real_capture.data_root, real_capture.unique).open(
            reserve=False
        )
    busy = real_capture.dependencies("busy").dispatch
    held = [wait_until(busy.take) for _ in range(26)]
    last = held[-1]
    real_capture.frames.xclaim(
        keys.CAPTURES, keys.EXTRACTOR_GROUP, "dead", 0, [last.lease.dispatch_id], idle=60_000, justid=True
    )
    claimed = real_capture.dependencies("two").dispatch.take()
    assert claimed is not None
    assert claimed.state.window.capture_id == last.state.window.capture_id


def test_an_entry_whose_delivery_was_lost_is_found_again(real_capture: BrokerCapture) -> None:
    real_capture.frames.xreadgroup(keys.EXTRACTOR_GROUP, "one", {keys.CAPTURES: ">"}, count=1)
    claimed = real_capture.dependencies("one").dispatch.take()
    assert claimed is not None


def test_after_a_connection_error_own_pending_entries_come_first(
    real_capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatch = real_capture.dependencies("one").dispatch

    def lose_the_answer(*_: object) -> object:
        monkeypatch.undo()
        raise BrokerUnavailable("frames", "gone")

    monkeypatch.setattr("workers.extract.dispatch.run_sync", lose_the_answer)
    with pytest.raises(BrokerUnavailable):
        wait_until(dispatch.take)
    claimed = dispatch.take()
    assert claimed is not None and claimed.state.deliveries == 1


def test_a_missing_group_is_created_and_no_early_entry_is_lost(real_capture: BrokerCapture) -> None:
    real_capture.frames.xgroup_destroy(keys.CAPTURES, keys.EXTRACTOR_GROUP)
    assert wait_until(real_capture.dependencies("one").dispatch.take).state.window.capture_id == real_capture.capture_id


def test_a_broker_that_lost_everything_gets_its_group_again(real_capture: BrokerCapture) -> None:
    dispatch = real_capture.dependencies("one").dispatch
    wait_until(dispatch.take)
    real_capture.frames.delete(keys.CAPTURES)
    assert dispatch.take() is None
    again = BrokerCapture(real_capture.frames, real_capture.events, real_capture.data_root, real_capture.unique)
    again.open(reserve=False)
    assert wait_until(dispatch.take).state.window.capture_id == again.capture_id


@pytest.mark.parametrize(
    "fields", [{"user_id": "u"}, {"capture_id": "../x"}, {"capture_id": b"\xff\xfe"}, {"capture_id": "unknown"}]
)
def test_a_broken_dispatch_entry_is_dropped(capture: BrokerCapture, fields: dict[str, str | bytes]) -> None:
    capture.frames.delete(keys.CAPTURES)
    ensure_group_sync(capture.frames, "frames", keys.CAPTURES, keys.EXTRACTOR_GROUP)
    capture.frames.xadd(keys.CAPTURES, fields)  # type: ignore[arg-type]
    assert capture.dependencies("one").dispatch.take() is None
    assert capture.pending() == []
    assert capture.frames.xlen(keys.CAPTURES) == 0


def test_a_capture_whose_state_cannot_be_read_is_dropped(capture: BrokerCapture) -> None:
    capture.frames.hset(capture_keys(capture.capture_id).state, "open", b"not json")
    assert capture.dependencies("one").dispatch.take() is None
    assert not capture.dispatched()


def test_a_second_dispatch_entry_of_a_capture_is_dropped(real_capture: BrokerCapture) -> None:
    real_capture.dispatch()
    first = real_capture.take(real_capture.dependencies("one"))
    assert real_capture.dependencies("two").dispatch.take() is None
    first.lease.renew(real_capture.frames)
    first.lease.check()
    assert len(real_capture.pending()) == 1


def test_an_old_token_changes_nothing(real_capture: BrokerCapture) -> None:
    real_capture.push_greys(2).close()
    old = real_capture.take(real_capture.dependencies("one"))
    real_capture.abandon()
    new = real_capture.take(real_capture.dependencies("two"))
    before = real_capture.state()
    old.lease.renew(real_capture.frames)
    with pytest.raises(LeaseLost):
        old.lease.check()
    assert CaptureJob(real_capture.dependencies("one"), old).run() == "lost"
    assert real_capture.state() == before
    assert [entry["consumer"] for entry in real_capture.pending()] == [b"two"]
    assert CaptureJob(real_capture.dependencies("two"), new).run() == "published"


def test_a_lease_that_was_dropped_is_not_renewed(real_capture: BrokerCapture) -> None:
    claimed = real_capture.take(real_capture.dependencies("one"))
    claimed.lease.hand_back(real_capture.frames)
    claimed.lease.renew(real_capture.frames)
    assert [entry["consumer"] for entry in real_capture.pending()] == [keys.RELEASED.encode()]


def test_a_capture_handed_back_is_taken_at_once_and_not_counted(real_capture: BrokerCapture) -> None:
    real_capture.push_greys(2)
    claimed = real_capture.take(real_capture.dependencies("one"))
    assert CaptureJob(real_capture.dependencies("one", stop=stopped()), claimed).run() == "handed_back"
    again = real_capture.dependencies("two").dispatch.take()
    assert again is not None
    assert (again.state.generation, again.state.deliveries) == (2, 1)


def test_three_crashes_and_the_capture_is_extraction_failed(real_capture: BrokerCapture) -> None:
    real_capture.push_greys(2).close()
    for consumer in ("one", "two", "three"):
        real_capture.take(real_capture.dependencies(consumer))  # and then it is dead
        real_capture.abandon()
    claimed = real_capture.take(real_capture.dependencies("four"))
    assert claimed.state.deliveries == 4
    assert CaptureJob(real_capture.dependencies("four"), claimed).run() == "aborted"
    assert real_capture.record().error_code == "extraction_failed"
    assert not real_capture.dispatched() and real_capture.pending() == []


def test_a_gateway_silent_for_as_long_as_the_rule_says_is_lost(real_capture: BrokerCapture) -> None:
    real_capture.push_greys(2)
    assert real_capture.run(real_capture.dependencies("one", quick(quiet_s=0.3))) == "aborted"
    assert real_capture.record().error_code == "gateway_lost"
    assert real_capture.published() == []


def test_a_gateway_that_goes_on_touching_is_not_lost(real_capture: BrokerCapture) -> None:
    real_capture.push_greys(2)
    ended = threading.Event()

    def gateway() -> None:
        for _ in range(60):
            ended.wait(0.02)
            real_capture.call(captures.watch(real_capture.capture_id))
        real_capture.close()

    thread = threading.Thread(target=gateway)
    thread.start()
    end = real_capture.run(real_capture.dependencies("one", quick(quiet_s=0.4)))
    thread.join()
    assert end == "published"


def test_a_full_frames_broker_keeps_draining(real_capture: BrokerCapture) -> None:
    real_capture.push_greys(8).close()
    dependencies = real_capture.dependencies("one")
    real_capture.frames.config_set("maxmemory", "1")
    with pytest.raises(redis.exceptions.OutOfMemoryError):
        real_capture.frames.set("more", "bytes")
    claimed = real_capture.take(dependencies)
    heartbeat = Heartbeat(real_capture.frames, "one", quick(), FrameClock())
    with heartbeat.holding(claimed.lease):
        heartbeat.beat()
        assert CaptureJob(dependencies, claimed).run() == "published"
    assert real_capture.frames.zscore(keys.EXTRACTORS, "one") is not None
    assert not real_capture.dispatched()


def test_a_full_frames_broker_lets_a_capture_be_handed_back_and_aborted(real_capture: BrokerCapture) -> None:
    real_capture.push_greys(2)
    real_capture.frames.config_set("maxmemory", "1")
    claimed = real_capture.take(real_capture.dependencies("one"))
    assert CaptureJob(real_capture.dependencies("one", stop=stopped()), claimed).run() == "handed_back"
    assert real_capture.run(real_capture.dependencies("two", quick(quiet_s=0.2))) == "aborted"
    assert real_capture.record().error_code == "gateway_lost"


def test_a_frames_broker_that_restarts_empty_costs_the_lease_only(
    own_brokers: BrokerPair, real_capture: BrokerCapture
) -> None:
    real_capture.push_greys(2)
    claimed = real_capture.take(real_capture.dependencies("one"))
    own_brokers.frames.kill()
    own_brokers.frames.start()
    assert CaptureJob(real_capture.dependencies("one", quick(quiet_s=0.1)), claimed).run() == "lost"
    assert real_capture.record().outcome == ""


def test_an_events_broker_that_is_away_is_waited_for_and_the_lease_kept(
    own_brokers: BrokerPair, real_capture: BrokerCapture
) -> None:
    real_capture.push_greys(2).close()
    brief = quick(lease_ms=1_000, heartbeat_s=0.02, poll_ms=50)
    claimed = real_capture.take(real_capture.dependencies("one", brief))
    own_brokers.events.kill()
    ends: list[str] = []
    with own_brokers.frames.client() as beats:
        heartbeat = Heartbeat(beats, "one", brief, FrameClock())
        heartbeat.start()
        with heartbeat.holding(claimed.lease):
            job = threading.Thread(
                target=lambda: ends.append(CaptureJob(real_capture.dependencies("one"), claimed).run())
            )
            job.start()
            wait_until(real_capture.path.exists)
            other = real_capture.dependencies("two", brief).dispatch
            for _ in range(30):
                assert other.take() is None
            own_brokers.events.start()
            job.join(DEADLINE_S)
        heartbeat.end()
        heartbeat.join()
    assert ends == ["published"]
    assert len(real_capture.published()) == 1


def test_a_consumer_with_a_capture_pending_is_not_forgotten(real_capture: BrokerCapture) -> None:
    claimed = real_capture.take(real_capture.dependencies("one"))
    forget_consumer(real_capture.frames, "one")
    assert len(real_capture.pending()) == 1
    claimed.lease.acknowledge(real_capture.frames)
    forget_consumer(real_capture.frames, "one")
    assert real_capture.frames.xinfo_consumers(keys.CAPTURES, keys.EXTRACTOR_GROUP) == []


def test_a_dispatch_may_be_acknowledged_twice(real_capture: BrokerCapture) -> None:
    claimed = real_capture.take(real_capture.dependencies("one"))
    for _ in range(2):
        claimed.lease.acknowledge(real_capture.frames)
    assert real_capture.pending() == [] and not real_capture.dispatched()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("generation", b"abc"),
        ("generation", b"9223372036854775807"),
        ("deliveries", b"-5"),
        ("accepted", b"-1"),
        ("accepted", b"9" * 5000),
        ("extracted", b"nan"),
        ("status", b"\xff"),
        ("status", b"lost"),
        ("found_pose", b"x"),
        ("tracker_restarts", b"1,x"),
        ("open", b"{}"),
    ],
)
def test_a_state_with_a_hostile_value_is_set_aside_and_its_gateway_is_told(
    real_capture: BrokerCapture, name: str, value: bytes
) -> None:
    state = capture_keys(real_capture.capture_id).state
    real_capture.frames.hset(state, name, value)  # type: ignore[arg-type]
    assert real_capture.dependencies("one").dispatch.take() is None
    assert not real_capture.dispatched() and real_capture.pending() == []
    if name != "status":
        assert real_capture.frames.hmget(state, "status", "error_code") == [b"aborted", b"extraction_failed"]


def test_a_state_of_another_capture_is_not_worked_on(real_capture: BrokerCapture) -> None:
    other = BrokerCapture(real_capture.frames, real_capture.events, real_capture.data_root, real_capture.unique).open(
        reserve=False
    )
    real_capture.frames.hset(
        capture_keys(real_capture.capture_id).state,
        "open",
        other.state()[b"open"],  # type: ignore[arg-type]
    )
    assert real_capture.dependencies("one").dispatch.take() is None
    assert not real_capture.dispatched()


def test_a_state_of_another_type_is_set_aside(real_capture: BrokerCapture) -> None:
    state = capture_keys(real_capture.capture_id).state
    real_capture.frames.delete(state)
    real_capture.frames.rpush(state, "a list")
    assert real_capture.dependencies("one").dispatch.take() is None
    assert not real_capture.dispatched()


def test_a_queue_that_is_no_stream_keeps_no_other_queue_waiting(real_capture: BrokerCapture) -> None:
    real_capture.frames.delete(keys.UPLOADS)
    real_capture.frames.set(keys.UPLOADS, "no stream")
    try:
        claimed = real_capture.dependencies("one").dispatch.take()
        assert claimed is not None and claimed.lease.capture_id == real_capture.capture_id
        with pytest.raises(UnreadableValue):
            real_capture.dependencies("two").dispatch.take()
    finally:
        real_capture.frames.delete(keys.UPLOADS)
