"""Real extractor processes with real MediaPipe on real brokers: starting, stopping, dying."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from contracts.broker import keys
from contracts.state import captures
from tests.conftest import BrokerPair, on_one
from tests.support.clips import face_clip
from tests.support.waiting import DEADLINE_S, wait_until
from tests.workers.broker_capture import BrokerCapture

# one kind of broker is enough here; test_lease runs on both
pytestmark = [
    on_one("valkey"),
    pytest.mark.timeout(400),  # models are loaded three times in one test; a wait has 120 s
]

SIZE = (320, 240)
CLIP = face_clip(12, *SIZE)


@pytest.fixture
def face_capture(own_brokers: BrokerPair, tmp_path: Path, unique: str) -> Iterator[BrokerCapture]:
    with own_brokers.frames.client() as frames, own_brokers.events.client() as events:
        yield BrokerCapture(frames, events, tmp_path / "data", unique, shape=SIZE)


class Workers:
    """One ``python -m workers``."""

    def __init__(self, environment: dict[str, str], log: Path, *arguments: str) -> None:
        self.log = log
        command = [sys.executable, "-m", "workers", *arguments]
        with log.open("wb") as output:
            self.process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=output, stderr=output)

    def lines(self) -> list[dict[str, Any]]:
        """What it logged so far. Every line is JSON: a traceback or a native message fails here."""
        return [json.loads(line) for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def said(self, event: str, at_least: int = 1) -> list[dict[str, Any]]:
        found = [line for line in self.lines() if line["event"] == event]
        return found if len(found) >= at_least else []

    def wait_for(self, event: str, at_least: int = 1) -> list[dict[str, Any]]:
        """Wait for log lines with this event; fails at once if the process ends without them."""
        return wait_until(lambda: self.said(event, at_least), event, unless=self.ended)

    def ended(self) -> str:
        """How the process ended, with its log; empty while it runs."""
        code = self.process.poll()
        return "" if code is None else f"exit code {code}: {self.log.read_text()}"

    def extractors(self) -> list[int]:
        """The pids of its extractors that are ready and still alive."""
        pids = [int(line["extractor"].split("-")[-2]) for line in self.said("extractor ready")]
        return [pid for pid in pids if alive(pid)]

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(with_signal)
        return self.process.wait(DEADLINE_S)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@contextmanager
def running(capture: BrokerCapture, brokers: BrokerPair, *arguments: str, **settings: str) -> Iterator[Workers]:
    environment = {
        "A3CP_FRAMES_URL": brokers.frames.url,
        "A3CP_EVENTS_URL": brokers.events.url,
        "DATA_ROOT": str(capture.data_root),
        "A3CP_WORKER_LANES": "capture",
        **settings,
    }
    workers = Workers(environment, capture.data_root.parent / f"{time.monotonic_ns()}.log", *arguments)
    try:
        yield workers
    finally:
        if workers.process.poll() is None:
            workers.process.kill()
            workers.process.wait()


def extracted(capture: BrokerCapture, count: int) -> bool:
    """Whether so many frames are extracted.

    Each call touches the capture as a gateway does: after 10 s without that, which models may take to load, the
    extractor would abort it.
    """
    progress = capture.call(captures.watch(capture.capture_id))
    return progress is not None and progress.extracted >= count


def test_a_capture_becomes_an_artifact_and_a_second_run_makes_the_same_bytes(
    face_capture: BrokerCapture, own_brokers: BrokerPair
) -> None:
    with running(face_capture, own_brokers) as workers:
        face_capture.open().push(*CLIP).close()
        (event,) = face_capture.wait_until_published()
        wait_until(lambda: not face_capture.dispatched())
        assert own_brokers.frames.client().zcard(keys.EXTRACTORS) == 1
        assert workers.stop() == 0
    ref = orjson.loads(event)["raw_features_ref"]
    assert ref["hash"] == "sha256:" + hashlib.sha256(face_capture.path.read_bytes()).hexdigest()
    assert face_capture.record().counts.found == {"pose": 12, "left_hand": 0, "right_hand": 0, "face": 12}
    again = BrokerCapture(
        face_capture.frames, face_capture.events, face_capture.data_root, face_capture.unique, shape=SIZE
    )
    with running(again, own_brokers) as workers:
        again.open(reserve=False).push(*CLIP).close()
        again.wait_until_published()
        assert workers.stop(signal.SIGINT) == 0
    assert again.path.read_bytes() == face_capture.path.read_bytes()


@pytest.mark.usefixtures("forked")
def test_two_captures_in_turn_in_one_process_have_the_bytes_of_one_alone(
    face_capture: BrokerCapture, own_brokers: BrokerPair
) -> None:
    others = [
        BrokerCapture(face_capture.frames, face_capture.events, face_capture.data_root, face_capture.unique, shape=SIZE)
        for _ in range(2)
    ]
    both, alone = [face_capture, others[0]], others[1]
    with running(face_capture, own_brokers) as workers:
        for one in both:
            one.open(reserve=one is face_capture).push(*CLIP[:4])
            wait_until(
                lambda: all(extracted(each, min(4, each.accepted)) for each in both if each.accepted),
                unless=one.failed,
            )
        for jpeg in CLIP[4:]:
            for one in both:
                one.push(jpeg)
        for one in both:
            one.close().wait_until_published()
        alone.open(reserve=False).push(*CLIP).close()
        alone.wait_until_published()
        assert len(workers.extractors()) == 1
        assert workers.stop() == 0
    assert [one.path.read_bytes() == alone.path.read_bytes() for one in both] == [True, True]


def test_an_idle_pool_stops_cleanly_and_leaves_nothing_behind(
    face_capture: BrokerCapture, own_brokers: BrokerPair
) -> None:
    with running(face_capture, own_brokers, "--processes", "2") as workers:
        workers.wait_for("extractor ready", 2)
        wait_until(lambda: face_capture.frames.zcard(keys.EXTRACTORS) == 2)
        children = workers.extractors()
        assert workers.stop() == 0
        assert not any(alive(pid) for pid in children)
        assert len(workers.said("extractor stopped")) == 2
    assert face_capture.frames.zcard(keys.EXTRACTORS) == 0
    assert face_capture.frames.xinfo_consumers(keys.CAPTURES, keys.EXTRACTOR_GROUP) == []


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_ctrl_c_at_any_moment_of_the_start_prints_no_traceback(
    face_capture: BrokerCapture, own_brokers: BrokerPair, with_signal: signal.Signals
) -> None:
    with running(face_capture, own_brokers) as workers:
        workers.wait_for("workers start")
        assert workers.stop(with_signal) == 0
        workers.lines()


@pytest.mark.usefixtures("forked")
def test_a_capture_in_hand_is_handed_back_and_goes_on_elsewhere(
    face_capture: BrokerCapture, own_brokers: BrokerPair
) -> None:
    with running(face_capture, own_brokers) as workers:
        face_capture.open().push(*CLIP[:6])
        wait_until(lambda: extracted(face_capture, 6), unless=face_capture.failed)
        assert workers.stop() == 0
        assert workers.said("capture done")[0]["end"] == "handed_back"
    with running(face_capture, own_brokers) as workers:
        face_capture.push(*CLIP[6:]).close()
        face_capture.wait_until_published()
        (line,) = workers.said("capture taken over")
        assert (line["deliveries"], line["extracted"]) == (1, 6)
    with np.load(face_capture.path) as members:
        assert members["tracker_restarts"].tolist() == [7]


@pytest.mark.usefixtures("forked")
def test_a_killed_extractor_is_replaced_and_its_capture_taken_over(
    face_capture: BrokerCapture, own_brokers: BrokerPair
) -> None:
    with running(face_capture, own_brokers) as workers:
        face_capture.open().push(*CLIP[:5])
        wait_until(lambda: extracted(face_capture, 5), unless=face_capture.failed)
        (pid,) = workers.extractors()
        os.kill(pid, signal.SIGKILL)
        face_capture.push(*CLIP[5:]).close()
        face_capture.wait_until_published()
        assert workers.said("extractor process ended")[0]["exit_code"] == -signal.SIGKILL
        assert workers.stop() == 0
    assert len(face_capture.published()) == 1
    with np.load(face_capture.path) as members:
        assert members["seq"].tolist() == list(range(1, 13))
        assert members["tracker_restarts"].tolist() == [6]


@pytest.mark.usefixtures("forked")
def test_a_paused_extractor_that_wakes_up_changes_nothing(face_capture: BrokerCapture, own_brokers: BrokerPair) -> None:
    with running(face_capture, own_brokers) as sleeper, running(face_capture, own_brokers) as other:
        sleeper.wait_for("extractor ready")
        other.wait_for("extractor ready")
        face_capture.open().push(*CLIP[:5])
        wait_until(lambda: extracted(face_capture, 5), unless=face_capture.failed)
        owner, heir = (sleeper, other) if sleeper.said("capture claimed") else (other, sleeper)
        (pid,) = owner.extractors()
        os.kill(pid, signal.SIGSTOP)
        face_capture.push(*CLIP[5:]).close()
        face_capture.wait_until_published()
        artifact = face_capture.path.read_bytes()
        os.kill(pid, signal.SIGCONT)
        wait_until(lambda: owner.said("capture done") or owner.said("extractor process ended"), unless=owner.ended)
        assert [line["end"] for line in owner.said("capture done")] == ["lost"]
        heir.wait_for("capture done")
        assert heir.said("capture done")[0]["end"] == "published"
    assert face_capture.path.read_bytes() == artifact
    assert len(face_capture.published()) == 1


def test_extractors_end_when_their_pool_is_killed(face_capture: BrokerCapture, own_brokers: BrokerPair) -> None:
    with running(face_capture, own_brokers) as workers:
        workers.wait_for("extractor ready")
        (pid,) = workers.extractors()
        workers.process.kill()
        wait_until(lambda: not alive(pid))


def test_no_process_may_leave_a_core_file(face_capture: BrokerCapture, own_brokers: BrokerPair) -> None:
    with running(face_capture, own_brokers) as workers:
        workers.wait_for("extractor ready")
        for pid in (workers.process.pid, *workers.extractors()):
            (line,) = [x for x in Path(f"/proc/{pid}/limits").read_text().splitlines() if x.startswith("Max core")]
            soft, hard = line.split()[4:6]
            assert soft == "0" and hard in ("0", "1"), "a child may be given 1, which stops piped cores too"


def test_a_broker_that_is_away_is_waited_for_and_stopping_still_works(
    face_capture: BrokerCapture, own_brokers: BrokerPair
) -> None:
    own_brokers.frames.kill()
    with running(face_capture, own_brokers) as workers:
        workers.wait_for("waiting for a broker", 2)
        assert workers.stop() == 0
    with running(face_capture, own_brokers) as workers:
        workers.wait_for("waiting for a broker")
        own_brokers.frames.start()
        workers.wait_for("extractor ready")
        assert workers.stop() == 0


def test_a_frames_broker_that_persists_is_refused_with_the_commands_that_turn_it_off(
    face_capture: BrokerCapture, own_brokers: BrokerPair
) -> None:
    face_capture.frames.config_set("save", "3600 1")
    with running(face_capture, own_brokers) as workers:
        assert workers.process.wait(DEADLINE_S) == 3
        (line,) = workers.log.read_text().splitlines()
        assert "RDB snapshots are on" in line and 'CONFIG SET save ""' in line
    face_capture.frames.config_set("save", "")


@pytest.mark.parametrize(
    "settings, arguments, named",
    [
        ({"A3CP_FRAMES_URL": ""}, (), "A3CP_FRAMES_URL"),
        ({"A3CP_CAPTURE_MAX_FPS": "fast"}, (), "A3CP_CAPTURE_MAX_FPS"),
        ({}, ("--processes", "0"), "--processes"),
    ],
)
def test_a_wrong_setting_stops_the_workers_with_one_line_that_names_it(
    face_capture: BrokerCapture,
    own_brokers: BrokerPair,
    settings: dict[str, str],
    arguments: tuple[str, ...],
    named: str,
) -> None:
    with running(face_capture, own_brokers, *arguments, **settings) as workers:
        assert workers.process.wait(DEADLINE_S) == 2
        (line,) = workers.log.read_text().splitlines()
        assert line.startswith("a3cp worker: ") and named in line
