from __future__ import annotations

import json
import subprocess
import sys
import threading

import pytest

from contracts.broker import keys
from contracts.rules.errors import BrokerMisconfigured, BrokerUnavailable, FatalError, LeaseLost
from tests.conftest import BrokerPair
from tests.support.waiting import DEADLINE_S, wait_until
from tests.workers.broker_capture import BrokerCapture, quick
from workers.extract.heartbeat import STUCK_EXIT_CODE, FrameClock, Heartbeat, Watchdog


def idle_ms(capture: BrokerCapture) -> int:
    return int(capture.pending()[0]["time_since_delivered"])


def test_a_beat_renews_the_lease_in_hand(capture: BrokerCapture) -> None:
    claimed = capture.take(capture.dependencies("one"))
    capture.abandon()
    heartbeat = Heartbeat(capture.frames, "one", quick(), FrameClock())
    with heartbeat.holding(claimed.lease):
        heartbeat.beat()
    assert [entry["consumer"] for entry in capture.pending()] == [b"one"]
    assert idle_ms(capture) < 5_000


def test_a_frame_over_its_deadline_is_not_covered_by_a_renewal(capture: BrokerCapture) -> None:
    claimed = capture.take(capture.dependencies("one"))
    capture.abandon()
    clock = FrameClock()
    heartbeat = Heartbeat(capture.frames, "one", quick(frame_deadline_s=0.0), clock)
    with heartbeat.holding(claimed.lease), clock.frame():
        wait_until(lambda: clock.elapsed_s() > 0)
        heartbeat.beat()
    assert idle_ms(capture) >= 60_000


def test_a_lease_that_is_lost_is_noted_and_left_alone(capture: BrokerCapture) -> None:
    claimed = capture.take(capture.dependencies("one"))
    capture.abandon()
    capture.take(capture.dependencies("two"))
    heartbeat = Heartbeat(capture.frames, "one", quick(), FrameClock())
    with heartbeat.holding(claimed.lease):
        heartbeat.beat()
    with pytest.raises(LeaseLost):
        claimed.lease.check()
    assert [entry["consumer"] for entry in capture.pending()] == [b"two"]


def test_a_released_lease_is_not_renewed(capture: BrokerCapture) -> None:
    claimed = capture.take(capture.dependencies("one"))
    heartbeat = Heartbeat(capture.frames, "one", quick(), FrameClock())
    with heartbeat.holding(claimed.lease):
        pass
    capture.abandon()
    claimed.lease.renew(capture.frames)
    heartbeat.beat()
    assert idle_ms(capture) >= 60_000


def test_a_live_process_is_listed_by_the_brokers_clock(real_capture: BrokerCapture) -> None:
    Heartbeat(real_capture.frames, "one", quick(), FrameClock()).beat()
    seconds, microseconds = real_capture.frames.time()
    score = real_capture.frames.zscore(keys.EXTRACTORS, "one")
    assert score is not None
    assert abs(score - (seconds * 1000 + microseconds / 1000)) < 5_000


def test_a_process_silent_for_a_minute_is_forgotten_with_its_consumer(real_capture: BrokerCapture) -> None:
    real_capture.frames.xgroup_createconsumer(keys.CAPTURES, keys.EXTRACTOR_GROUP, "dead")
    seconds, _ = real_capture.frames.time()
    real_capture.frames.zadd(keys.EXTRACTORS, {"dead": (seconds - 61) * 1000, "quiet": (seconds - 55) * 1000})
    Heartbeat(real_capture.frames, "one", quick(), FrameClock()).beat()
    assert real_capture.frames.zrange(keys.EXTRACTORS, 0, -1) == [b"quiet", b"one"]
    assert real_capture.frames.xinfo_consumers(keys.CAPTURES, keys.EXTRACTOR_GROUP) == []


def test_the_heartbeat_outlives_a_broker_that_is_away(own_brokers: BrokerPair, real_capture: BrokerCapture) -> None:
    own_brokers.frames.kill()
    with own_brokers.frames.client() as beats:
        heartbeat = Heartbeat(beats, "one", quick(alive_s=0.0), FrameClock())
        with pytest.raises(BrokerUnavailable):
            heartbeat.beat()
        heartbeat.start()
        own_brokers.frames.start()
        wait_until(lambda: real_capture.frames.zscore(keys.EXTRACTORS, "one"))
        heartbeat.end()
        heartbeat.join()


def test_the_watchdog_ends_the_process_once_a_frame_is_over_its_deadline() -> None:
    clock, stuck = FrameClock(), threading.Event()
    dog = Watchdog(clock, 0.01, is_orphan=lambda: False, on_orphaned=lambda: None, on_stuck=lambda _: stuck.set())
    dog.start()
    with clock.frame():
        assert stuck.wait(300)
    dog.end()
    dog.join()
    assert clock.elapsed_s() == 0.0


def test_the_watchdog_reports_only_that_the_parent_is_gone() -> None:
    orphaned, stuck = threading.Event(), threading.Event()
    dog = Watchdog(
        FrameClock(), 0.0, is_orphan=lambda: True, on_orphaned=orphaned.set, on_stuck=lambda _: stuck.set()
    )  # fmt: skip
    dog.start()
    assert orphaned.wait(300)
    dog.end()
    dog.join()
    assert not stuck.is_set()


STUCK = """
import threading, time
from contracts.process.run import run_process
from workers.extract.heartbeat import FrameClock, Watchdog
clock = FrameClock()
Watchdog(clock, 0.01, is_orphan=lambda: False, on_orphaned=lambda: None).start()
def main():
    with clock.frame():
        time.sleep(600)
    return 0
run_process("extractor", main)
"""


def test_a_process_that_is_stuck_in_a_frame_logs_it_and_ends() -> None:
    ended = subprocess.run([sys.executable, "-c", STUCK], capture_output=True, timeout=300)
    assert ended.returncode == STUCK_EXIT_CODE
    (line,) = ended.stderr.splitlines()
    assert json.loads(line)["event"] == "a frame takes too long, the process ends itself"


def test_a_fatal_error_of_a_beat_is_passed_to_the_callback(
    capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    met: list[FatalError] = []
    forbidden = BrokerMisconfigured("frames", "the ACL forbids a command", "the rights")

    def beat() -> None:
        raise forbidden

    def on_fatal(error: FatalError) -> None:
        met.append(error)
        heartbeat.end()

    heartbeat = Heartbeat(capture.frames, "one", quick(), FrameClock(), on_fatal=on_fatal)
    monkeypatch.setattr(heartbeat, "beat", beat)
    heartbeat.run()
    assert met == [forbidden]


def test_the_last_step_runs_before_the_process_ends_and_its_failure_is_ignored() -> None:
    done: list[str] = []
    clock, stuck = FrameClock(), threading.Event()
    clock.before_the_end()

    def step() -> None:
        done.append("step")
        raise RuntimeError("no broker")

    dog = Watchdog(clock, 0.01, is_orphan=lambda: False, on_orphaned=lambda: None, on_stuck=lambda _: stuck.set())
    with clock.ending_with(step), clock.frame():
        dog.start()
        assert stuck.wait(DEADLINE_S)
        dog.end()
        dog.join()
    assert done and set(done) == {"step"}
    clock.before_the_end()
    assert len(done) == done.count("step")
