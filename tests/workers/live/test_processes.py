"""Live workers as processes on real brokers: what happens to sessions when one is killed, paused, stuck or stopped; and
one with real MediaPipe, from the broker to the answer."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis
import simplejpeg
from pydantic import SecretStr

from contracts.broker import keys
from contracts.broker.script import run_sync
from contracts.messages.pipelines import PIPELINES
from contracts.process.pool import Pool
from contracts.process.settings import Settings
from contracts.state import live
from tests.conftest import BrokerPair, on_one
from tests.contracts.process.test_pool import running as pool_running
from tests.support.clips import face_clip
from tests.support.waiting import DEADLINE_S, wait_until
from tests.workers.broker_capture import BrokerCapture, grey_jpeg
from tests.workers.live.fakes import HANGS, FakeGateway, result_of, seen, shade_process
from tests.workers.pool.test_processes import Workers, alive, running
from workers.live.worker import LiveTiming
from workers.vision.pipelines.registry import make_pipeline

# one kind of broker is enough here; test_worker runs on both
pytestmark = [on_one("valkey"), pytest.mark.timeout(400)]

TIMING = LiveTiming(alive_s=0.05, read_ms=50, frame_deadline_s=0.5, backoff_s=0.1)
SHADE = grey_jpeg(9)


@pytest.fixture
def frames(own_brokers: BrokerPair) -> Iterator[redis.Redis]:
    with own_brokers.frames.client() as client:
        yield client


@pytest.fixture
def gateway(frames: redis.Redis, unique: str, monkeypatch: pytest.MonkeyPatch) -> FakeGateway:
    """A gateway for which a worker counts as silent after a short time."""
    monkeypatch.setattr(live, "SILENT_MS", 1_000)
    return FakeGateway(frames, unique)


@contextmanager
def pool_of(count: int, brokers: BrokerPair, **more: Any) -> Iterator[None]:
    """A pool of live workers that need no MediaPipe."""
    settings = Settings(frames_url=SecretStr(brokers.frames.url), events_url=SecretStr(brokers.events.url), **more)
    with pool_running(Pool({"live worker": partial(shade_process, TIMING)}, count, settings, None)):
        yield


def pid_of(worker: str) -> int:
    return int(worker.split("-")[-2])


def is_gone(gateway: FakeGateway, place: live.WorkerSlot) -> bool:
    return run_sync(gateway.frames, live.renew([place])) == [place]


def test_the_session_of_a_killed_worker_goes_on_at_another_worker(
    own_brokers: BrokerPair, gateway: FakeGateway
) -> None:
    with pool_of(1, own_brokers):
        place = gateway.join("a")
        assert seen(gateway.ask(place, SHADE)) == 1
        os.kill(pid_of(place.worker), signal.SIGKILL)
        wait_until(lambda: is_gone(gateway, place))
        next_place = gateway.join("a")
        assert next_place.worker != place.worker
        assert seen(gateway.ask(next_place, SHADE, 1)) == 1


def test_the_session_of_a_paused_worker_goes_on_at_the_other_worker(
    own_brokers: BrokerPair, gateway: FakeGateway
) -> None:
    with pool_of(2, own_brokers):
        wait_until(lambda: len(gateway.workers()) == 2)
        place, other = gateway.join("a"), gateway.join("b")
        assert place.worker != other.worker
        os.kill(pid_of(place.worker), signal.SIGSTOP)
        try:
            gateway.send(place, SHADE)
            wait_until(lambda: is_gone(gateway, place))
            assert not is_gone(gateway, other)
            assert gateway.join("a").worker == other.worker
        finally:
            os.kill(pid_of(place.worker), signal.SIGCONT)
        gateway.answers()  # too late: the session has another worker, and the picture is deleted


def test_a_worker_that_hangs_in_a_frame_ends_and_the_pool_starts_another(
    own_brokers: BrokerPair, gateway: FakeGateway
) -> None:
    with pool_of(1, own_brokers):
        place = gateway.join("a")
        gateway.send(place, grey_jpeg(HANGS))
        wait_until(lambda: not gateway.frames.exists(keys.live_inbox(place.worker)))
        wait_until(lambda: not alive(pid_of(place.worker)))
        wait_until(lambda: is_gone(gateway, place))
        assert seen(gateway.ask(gateway.join("a"), SHADE, 1)) == 1


def test_a_clean_stop_ends_the_sessions_at_once_and_leaves_no_key(
    own_brokers: BrokerPair, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SILENT_MS", 3_600_000)  # so that only the clean stop can end the session
    with pool_of(1, own_brokers):
        place = gateway.join("a")
        gateway.ask(place, SHADE)
    assert is_gone(gateway, place)
    assert gateway.frames.keys() == []


def test_a_process_holds_no_more_graphs_than_the_setting_says(own_brokers: BrokerPair, gateway: FakeGateway) -> None:
    with pool_of(1, own_brokers, stream_max_graphs=1):
        places = [gateway.join("a"), gateway.join("b")]
        assert [seen(gateway.ask(place, SHADE, index)) for index in range(2) for place in places] == [1, 1, 1, 1]


@contextmanager
def lane(brokers: BrokerPair, gateway: FakeGateway, folder: Path, unique: str, **settings: str) -> Iterator[Workers]:
    """``python -m workers`` with the live lane alone."""
    with brokers.events.client() as events:
        capture = BrokerCapture(gateway.frames, events, folder / "data", unique)
        with running(capture, brokers, **{"A3CP_WORKER_LANES": "live", **settings}) as workers:
            yield workers


def bare(pipeline_id: str, clip: list[bytes]) -> list[dict[Any, Any]]:
    """The findings of a plain loop over MediaPipe."""
    pipeline = make_pipeline(pipeline_id)
    found = [dict(pipeline.process(simplejpeg.decode_jpeg(jpeg)).landmarks) for jpeg in clip]
    pipeline.close()
    return found


def test_every_pipeline_answers_what_a_bare_loop_of_it_finds_bit_for_bit(
    own_brokers: BrokerPair, gateway: FakeGateway, tmp_path: Path, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SILENT_MS", 60_000)  # a worker on a busy machine may be silent for longer than 1 s
    clip = face_clip(3)
    results = []
    with lane(own_brokers, gateway, tmp_path, unique) as workers:
        places = {pipeline_id: gateway.join(f"{unique}-{pipeline_id}") for pipeline_id in PIPELINES}
        for frame_index, jpeg in enumerate(clip):  # one frame of each session at a time, as from a gateway
            for pipeline_id, place in places.items():
                gateway.send(place, jpeg, frame_index, pipeline_id)
            results += [result_of(answer) for answer in gateway.answers(len(places), renewing=list(places.values()))]
        gateway.leave(*places.values())
        assert workers.stop() == 0
        assert [line["event"] for line in workers.lines()] == [
            "workers start", "live worker ready", "live worker stopped",
        ]  # fmt: skip
    for pipeline_id in PIPELINES:
        answered = [result for result in results if result.pipeline == pipeline_id]
        for result, found in zip(answered, bare(pipeline_id, clip), strict=True):
            assert set(result.landmarks) == set(found)
            for part, points in found.items():
                assert np.array_equal(np.array(result.landmarks[part], np.float32), points)
    assert {part for result in results for part in result.landmarks} == {"pose", "face"}
    assert gateway.frames.keys() == []
    assert list(tmp_path.glob("**/*.npz")) == []


def test_no_live_worker_is_started_if_the_lane_is_switched_off(
    own_brokers: BrokerPair, gateway: FakeGateway, tmp_path: Path, unique: str
) -> None:
    with lane(own_brokers, gateway, tmp_path, unique, STREAM_ENABLED="false") as workers:
        assert workers.process.wait(DEADLINE_S) == 2
        (line,) = workers.log.read_text().splitlines()
        assert line.startswith("a3cp worker: ")
        assert "A3CP_WORKER_LANES" in line and "STREAM_ENABLED" in line
