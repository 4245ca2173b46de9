"""The loop of one live worker, in this process, with pipelines that need no model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import fakeredis
import numpy as np
import pytest
import redis
from structlog.testing import capture_logs

from contracts.broker.keys import LIVE_SESSIONS, LIVE_WORKERS, live_inbox, live_outbox
from contracts.broker.script import run_sync
from contracts.messages.live import Detection, PipelineResult
from contracts.rules.errors import BrokerUnavailable
from contracts.state import heartbeats, live
from contracts.state.live import WorkerSlot
from tests.conftest import BrokerPair
from tests.support.waiting import wait_until
from tests.workers.broker_capture import FakePipeline, grey_jpeg
from tests.workers.live.fakes import FAILS, QUICK, FakeGateway, LocalWorker, ShadePipeline, result_of, seen
from workers.live.worker import result_text
from workers.vision.pipelines.base import Findings, Image

ME = "worker-1"


@pytest.fixture
def frames() -> Iterator[redis.Redis]:
    with fakeredis.FakeRedis() as client:
        yield client


@pytest.fixture
def gateway(frames: redis.Redis, unique: str) -> FakeGateway:
    return FakeGateway(frames, unique)


@pytest.fixture
def dependencies(frames: redis.Redis) -> LocalWorker:
    """A worker that has said that it is there; each `turn` is the test's."""
    dependencies = LocalWorker(frames, ME)
    dependencies.worker.turn()
    return dependencies


def is_kept(frames: redis.Redis, place: WorkerSlot) -> bool:
    """Renew the place."""
    return run_sync(frames, live.renew([place])) == []


def names(frames: redis.Redis) -> set[bytes]:
    found: Any = frames.keys()
    return set(found)


# --- one frame -------------------------------------------------------------------------------------------


def test_a_frame_is_answered_with_what_its_pipeline_found(dependencies: LocalWorker, gateway: FakeGateway) -> None:
    place = gateway.join("a")
    gateway.send(place, grey_jpeg(51), 7, "holistic")
    dependencies.worker.turn()
    (answer,) = gateway.answers()
    result = result_of(answer)
    assert (answer.live_id, answer.frame_index, result.pipeline) == ("a", 7, "holistic")
    assert {part: (len(points), len(points[0])) for part, points in result.landmarks.items()} == {
        "pose": (33, 4), "face": (468, 3),
    }  # fmt: skip
    assert [detection.label for detection in result.detections] == ["pose", "face"]
    assert result.timing_ms.decode > 0
    assert result.timing_ms.inference > 0


def test_landmarks_are_the_models_float32_to_the_last_bit() -> None:
    points = np.random.default_rng(1).random((33, 4), np.float32)
    points[0] = (0, 1, np.float32(1e-8), -2)
    text = result_text("pose", Findings({"pose": points}, {"pose": 0.5}), 1.0, 2.0)
    result = PipelineResult.model_validate_json(text)
    assert np.array_equal(np.array(result.landmarks["pose"], np.float32), points)
    assert [type(detection) for detection in result.detections] == [Detection]


def test_nothing_found_is_an_answer_too() -> None:
    result = PipelineResult.model_validate_json(result_text("pose", Findings({}, {}), 1.0, 2.0))
    assert (result.landmarks, result.detections) == ({}, [])


def test_the_picture_has_left_the_inbox_when_it_is_worked_on(frames: redis.Redis, gateway: FakeGateway) -> None:
    kept: list[Any] = []

    class Watching(FakePipeline):
        def process(self, image: Image) -> Findings:
            kept.append(frames.exists(live_inbox(ME)))
            return super().process(image)

    dependencies = LocalWorker(frames, ME, make=Watching)
    dependencies.worker.turn()
    place = gateway.join("a")
    for frame_index in range(2):
        gateway.send(place, grey_jpeg(9), frame_index)
        dependencies.worker.turn()
        assert not frames.exists(live_inbox(ME))
    # the broker learns the script with the first answer
    assert kept == [1, 0]
    assert len(gateway.answers(2)) == 2


def test_a_jpeg_that_cannot_be_decoded_is_the_clients_fault_and_costs_no_pipeline(
    dependencies: LocalWorker, gateway: FakeGateway
) -> None:
    place = gateway.join("a")
    gateway.send(place, grey_jpeg(9)[:-20] + b"\xff\xd9")
    dependencies.worker.turn()
    (answer,) = gateway.answers()
    assert answer.error == "invalid_frame"
    assert dependencies.made == []


@pytest.mark.parametrize("payload", [b"", b"\xff\xd8\xff\xd9"])
def test_what_is_no_jpeg_at_all_is_answered(dependencies: LocalWorker, gateway: FakeGateway, payload: bytes) -> None:
    gateway.send(gateway.join("a"), payload)
    dependencies.worker.turn()
    (answer,) = gateway.answers()
    assert answer.error == "invalid_frame"


def test_a_pipeline_that_fails_is_thrown_away_and_its_client_told_nothing_internal(
    frames: redis.Redis, gateway: FakeGateway
) -> None:
    dependencies = LocalWorker(frames, ME, make=ShadePipeline)
    dependencies.worker.turn()
    place = gateway.join("a")
    for shade in (9, FAILS, 9):
        gateway.send(place, grey_jpeg(shade))
        dependencies.worker.turn()
    before, failed, after = gateway.answers(3)
    assert (failed.error, failed.text) == ("pipeline_failure", b"The pipeline failed on this frame.")
    assert (seen(before), seen(after)) == (1, 1), "the third frame met a fresh one"
    assert [pipeline.closed for _, pipeline in dependencies.made] == [True, False]


def test_a_pipeline_s_failure_is_logged_with_its_cause(frames: redis.Redis, gateway: FakeGateway) -> None:
    dependencies = LocalWorker(frames, ME, make=ShadePipeline)
    dependencies.worker.turn()
    gateway.send(gateway.join("a"), grey_jpeg(FAILS))
    with capture_logs() as lines:
        dependencies.worker.turn()
    [line] = [line for line in lines if line["event"] == "pipeline failed"]
    assert (line["log_level"], line["pipeline_id"]) == ("error", "pose")
    assert isinstance(line["exc_info"], Exception) and line["live_id"]


def test_a_pipeline_that_cannot_be_made_fails_its_session_alone(frames: redis.Redis, gateway: FakeGateway) -> None:
    def make() -> FakePipeline:
        raise RuntimeError("no model")

    dependencies = LocalWorker(frames, ME, make=make)
    dependencies.worker.turn()
    gateway.send(gateway.join("a"), grey_jpeg(9))
    dependencies.worker.turn()
    (answer,) = gateway.answers()
    assert answer.error == "pipeline_failure"


@pytest.mark.parametrize(
    "fields",
    [
        {b"nonsense": b"secret picture"},
        {b"live_id": b"a", b"frame_index": b"secret picture", b"pipeline_id": b"p", b"gateway": b"g", b"payload": b""},
        {b"live_id": b"\xff", b"frame_index": b"1", b"pipeline_id": b"p", b"gateway": b"g", b"payload": b"secret"},
    ],
    ids=["other fields", "no number", "no text"],
)
def test_an_entry_that_is_no_frame_is_dropped_and_its_contents_never_logged(
    dependencies: LocalWorker, frames: redis.Redis, gateway: FakeGateway, fields: Any
) -> None:
    place = gateway.join("a")
    frames.xadd(live_inbox(ME), fields)
    gateway.send(place, grey_jpeg(9))
    with capture_logs() as lines:
        dependencies.worker.turn()
    dependencies.worker.turn()
    assert [line["event"] for line in lines] == ["an entry of the inbox is no frame"]
    assert "secret" not in repr(lines)
    assert seen(*gateway.answers()) == 1
    assert not frames.exists(live_inbox(ME))


# --- many sessions ---------------------------------------------------------------------------------------


def test_sessions_are_answered_in_the_order_of_their_frames_and_each_has_its_own_tracking(
    dependencies: LocalWorker, gateway: FakeGateway
) -> None:
    places = [gateway.join(f"session-{number}") for number in range(10)]
    for frame_index in range(3):
        for place in places:
            gateway.send(place, grey_jpeg(9), frame_index)
        for _ in places:
            dependencies.worker.turn()
        answers = gateway.answers(10)
        assert [answer.live_id for answer in answers] == [place.live_id for place in places]
        assert [seen(answer) for answer in answers] == [frame_index + 1] * 10


def test_a_session_beside_many_dear_ones_is_not_kept_waiting(dependencies: LocalWorker, gateway: FakeGateway) -> None:
    """A picture of 64 MiB of samples costs as much as eight of a camera; none is answered out of turn."""
    dear = [gateway.join(f"dear-{number}") for number in range(10)]
    honest = gateway.join("honest")
    large = grey_jpeg(9, 4096, 4096)
    for place in [*dear, honest]:
        gateway.send(place, grey_jpeg(9))
        dependencies.worker.turn()
    gateway.answers(11)
    for place in dear:
        gateway.send(place, large, 1)
    gateway.send(honest, grey_jpeg(9), 1)
    dependencies.worker.turn()
    (answer,) = gateway.answers()
    assert answer.live_id == "honest", "it came last and is served first"
    for _ in dear:
        dependencies.worker.turn()
    assert {answer.live_id for answer in gateway.answers(10)} == {place.live_id for place in dear}


def test_a_session_that_left_while_its_frame_waited_is_not_served(
    dependencies: LocalWorker, frames: redis.Redis, gateway: FakeGateway
) -> None:
    places = [gateway.join(f"session-{number}") for number in range(3)]
    for place in places:
        gateway.send(place, grey_jpeg(9))
    dependencies.worker.turn()
    waiting: Any = frames.xrange(live_inbox(ME))
    run_sync(frames, live.drop(live_inbox(ME), [waiting[0][0]]))
    for _ in range(3):
        dependencies.worker.turn()
    assert [answer.live_id for answer in gateway.answers(2)] == ["session-0", "session-2"]
    assert len(dependencies.made) == 2
    assert not frames.exists(live_inbox(ME))


def test_more_frames_than_are_read_at_once_are_all_answered(dependencies: LocalWorker, gateway: FakeGateway) -> None:
    places = [gateway.join(f"session-{number}") for number in range(30)]
    for place in places:
        gateway.send(place, grey_jpeg(9))
    for _ in places:
        dependencies.worker.turn()
    assert [answer.live_id for answer in gateway.answers(30)] == [place.live_id for place in places]


def test_more_sessions_than_graphs_are_all_answered(frames: redis.Redis, gateway: FakeGateway) -> None:
    dependencies = LocalWorker(frames, ME, max_graphs=2)
    dependencies.worker.turn()
    places = [gateway.join(f"session-{number}") for number in range(5)]
    for _ in range(2):
        for place in places:
            gateway.send(place, grey_jpeg(9))
            dependencies.worker.turn()
    assert [seen(answer) for answer in gateway.answers(10)] == [1] * 10
    assert sum(not pipeline.closed for _, pipeline in dependencies.made) == 2


def test_another_pipeline_id_makes_another_pipeline(dependencies: LocalWorker, gateway: FakeGateway) -> None:
    place = gateway.join("a")
    for pipeline_id in ("pose", "pose", "hands"):
        gateway.send(place, grey_jpeg(9), pipeline_id=pipeline_id)
        dependencies.worker.turn()
    assert [seen(answer) for answer in gateway.answers(3)] == [1, 2, 1]
    assert [(pipeline_id, pipeline.closed) for pipeline_id, pipeline in dependencies.made] == [
        ("pose", True),
        ("hands", False),
    ]


def test_the_pipeline_of_a_session_that_left_is_closed_at_the_next_sign_of_life(
    frames: redis.Redis, gateway: FakeGateway
) -> None:
    dependencies = LocalWorker(frames, ME)
    with dependencies.running():
        stays, leaves = gateway.join("stays"), gateway.join("leaves")
        gateway.ask(stays, grey_jpeg(9))
        gateway.ask(leaves, grey_jpeg(9))
        gateway.leave(leaves)
        wait_until(lambda: dependencies.made[1][1].closed)
        assert not dependencies.made[0][1].closed
        gateway.send(leaves, grey_jpeg(9))  # a frame that overtakes the leaving holds nothing for long
        wait_until(lambda: len(dependencies.made) == 3 and dependencies.made[2][1].closed)
        gateway.answers()
        assert seen(gateway.ask(stays, grey_jpeg(9), 1)) == 2


def test_a_pipeline_that_is_not_used_for_long_is_closed_and_made_again_when_needed(
    frames: redis.Redis, gateway: FakeGateway
) -> None:
    dependencies = LocalWorker(frames, ME, timing=replace(QUICK, unused_s=0.0))
    with dependencies.running():
        place = gateway.join("a")
        for frame_index in range(2):
            assert seen(gateway.ask(place, grey_jpeg(9), frame_index)) == 1
            wait_until(lambda: is_kept(frames, place) and dependencies.made[-1][1].closed)
    assert len(dependencies.made) == 2


# --- being there, and not --------------------------------------------------------------------------------


def test_it_says_that_it_is_there_idle_or_busy(frames: redis.Redis, gateway: FakeGateway) -> None:
    def last_sign() -> Any:
        return frames.zscore(LIVE_WORKERS, ME)

    with LocalWorker(frames, ME).running():
        first = wait_until(last_sign)
        wait_until(lambda: last_sign() > first)
        place, second, frame_index = gateway.join("a"), last_sign(), 0
        while last_sign() <= second:
            gateway.ask(place, grey_jpeg(9), frame_index)
            frame_index += 1
            assert frame_index < 100_000


def test_the_clock_runs_while_a_frame_is_worked_on_and_not_otherwise(frames: redis.Redis, gateway: FakeGateway) -> None:
    elapsed: list[float] = []

    class Timed(FakePipeline):
        def __init__(self) -> None:
            super().__init__()
            elapsed.append(dependencies.clock.elapsed_s())

        def process(self, image: Image) -> Findings:
            elapsed.append(dependencies.clock.elapsed_s())
            return super().process(image)

        def close(self) -> None:
            elapsed.append(dependencies.clock.elapsed_s())

    dependencies = LocalWorker(frames, ME, make=Timed)
    dependencies.worker.turn()
    place = gateway.join("a")
    gateway.send(place, grey_jpeg(9))
    dependencies.worker.turn()
    gateway.leave(place)
    dependencies.worker._say_alive()
    assert len(elapsed) == 3
    assert all(elapsed)
    assert dependencies.clock.elapsed_s() == 0.0


def test_one_that_leaves_is_listed_no_more_and_leaves_its_frames_to_other_workers(
    dependencies: LocalWorker, frames: redis.Redis, gateway: FakeGateway
) -> None:
    place = gateway.join("a")
    gateway.send(place, grey_jpeg(9))
    waiting: Any = frames.xrange(live_inbox(ME))
    heartbeats.deregister_live_worker(frames, ME)
    assert run_sync(frames, live.renew([place])) == [place]
    assert names(frames) == {live_inbox(ME).encode()}
    assert run_sync(frames, live.drop(live_inbox(ME), [waiting[0][0]])) == 1, "it can be given to another one"
    assert names(frames) == set()


def test_told_to_stop_it_closes_every_pipeline(frames: redis.Redis, gateway: FakeGateway) -> None:
    dependencies = LocalWorker(frames, ME)
    with dependencies.running():
        for number in range(3):
            gateway.ask(gateway.join(f"session-{number}"), grey_jpeg(9))
    assert [pipeline.closed for _, pipeline in dependencies.made] == [True] * 3


def test_nothing_is_left_in_the_broker_once_all_are_gone(frames: redis.Redis, gateway: FakeGateway) -> None:
    with LocalWorker(frames, ME).running():
        places = [gateway.join(f"session-{number}") for number in range(3)]
        for place in places:
            gateway.ask(place, grey_jpeg(9))
        gateway.leave(*places)
        wait_until(lambda: names(frames) == {LIVE_WORKERS.encode()})
    heartbeats.deregister_live_worker(frames, ME)
    assert names(frames) == set()


def test_a_broker_that_is_away_when_an_answer_is_due_gets_it_when_it_is_back(unique: str) -> None:
    class Cutting(FakePipeline):
        """The broker goes away while the first frame is worked on."""

        def process(self, image: Image) -> Findings:
            server.connected = len(dependencies.made) > 1 or self.seen > 0
            return super().process(image)

    server = fakeredis.FakeServer()
    with fakeredis.FakeRedis(server=server) as mine, fakeredis.FakeRedis(server=server) as theirs:
        dependencies = LocalWorker(mine, ME, make=Cutting)
        gateway = FakeGateway(theirs, unique)
        with dependencies.running():
            place = gateway.join("a")
            gateway.send(place, grey_jpeg(9))
            wait_until(lambda: not server.connected)
            server.connected = True
            (answer,) = gateway.answers()
            assert (answer.frame_index, seen(answer)) == (0, 1), "the answer was kept"
            assert seen(gateway.ask(place, grey_jpeg(9), 1)) == 2
        assert not theirs.exists(live_inbox(ME))


def test_back_at_the_broker_it_says_at_once_that_it_is_there() -> None:
    server = fakeredis.FakeServer()
    with fakeredis.FakeRedis(server=server) as mine, fakeredis.FakeRedis(server=server) as theirs:
        dependencies = LocalWorker(mine, ME, timing=replace(QUICK, alive_s=3_600))
        with dependencies.running(), capture_logs() as lines:
            wait_until(lambda: theirs.zrem(LIVE_WORKERS, ME))
            server.connected = False
            wait_until(lambda: [line for line in lines if line["log_level"] == "warning"])
            server.connected = True
            wait_until(lambda: theirs.zscore(LIVE_WORKERS, ME))


def test_a_broker_that_is_full_takes_no_answer_and_the_worker_goes_on(own_brokers: BrokerPair, unique: str) -> None:
    with own_brokers.frames.client() as frames:
        gateway = FakeGateway(frames, unique)
        dependencies = LocalWorker(frames, ME)
        dependencies.worker.turn()
        place = gateway.join("a")
        gateway.send(place, grey_jpeg(9))
        frames.config_set("maxmemory", 1)
        with pytest.raises(BrokerUnavailable):
            dependencies.worker.turn()
        assert not frames.exists(live_inbox(ME)), "the picture is gone all the same"
        frames.config_set("maxmemory", 256_000_000)
        gateway.send(place, grey_jpeg(9), 1)
        dependencies.worker.turn()
        assert seen(*gateway.answers()) == 2


def test_it_waits_for_frames_without_asking_again_and_again(own_brokers: BrokerPair, unique: str) -> None:
    with own_brokers.frames.client() as frames, own_brokers.frames.client() as its_own:
        gateway = FakeGateway(frames, unique)
        timing = replace(QUICK, alive_s=60.0, read_ms=60_000)
        dependencies = LocalWorker(its_own, ME, timing=timing)
        with dependencies.running():
            place = gateway.join("a")
            for frame_index in range(3):  # each ends a read that would wait for a minute
                wait_until(lambda: int(frames.info("clients")["blocked_clients"]) == 1)  # type: ignore[index]
                assert seen(gateway.ask(place, grey_jpeg(9), frame_index)) == frame_index + 1
            dependencies.stop.set()
            gateway.send(place, grey_jpeg(9))


def test_it_goes_on_after_the_broker_restarted_empty(own_brokers: BrokerPair, unique: str) -> None:
    with own_brokers.frames.client() as frames, own_brokers.frames.client() as its_own:
        gateway = FakeGateway(frames, unique)
        with LocalWorker(its_own, ME).running():
            place = gateway.join("a")
            gateway.ask(place, grey_jpeg(9))
            own_brokers.frames.kill()
            own_brokers.frames.start()
            wait_until(lambda: gateway.workers() == [ME])
            # its gateway has a place in hand that the broker has never heard of
            assert result_of(gateway.ask(place, grey_jpeg(9), 1)).pipeline == "pose"
            assert run_sync(frames, live.renew([place])) == []
            assert gateway.join("a") == place


def test_ten_sessions_that_send_as_fast_as_they_can_have_the_same_share(
    own_brokers: BrokerPair, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SILENT_MS", 60_000)  # however long this process is not scheduled
    with own_brokers.frames.client() as frames, own_brokers.frames.client() as its_own:
        gateway, local = FakeGateway(frames, unique), LocalWorker(its_own, ME)
        local.worker.turn()
        places = {f"session-{number}": gateway.join(f"session-{number}") for number in range(10)}
        answered = dict.fromkeys(places, 0)
        for place in places.values():
            gateway.send(place, grey_jpeg(9))
        while sum(answered.values()) < 200:
            local.worker.turn()  # by hand: each session has a frame in the inbox whenever the worker chooses one
            (answer,) = gateway.answers()
            answered[answer.live_id] += 1
            gateway.send(places[answer.live_id], grey_jpeg(9), answered[answer.live_id])
            assert run_sync(frames, live.renew(list(places.values()))) == []
            assert max(answered.values()) - min(answered.values()) <= 2
        for _ in places:
            local.worker.turn()
        gateway.answers(10)
        assert not frames.exists(live_outbox(gateway.name), live_inbox(ME))
        assert frames.zcard(LIVE_SESSIONS) == 10
        assert WorkerSlot.read(frames.zrange(LIVE_SESSIONS, 0, 0)[0]).worker == ME  # type: ignore[index]
