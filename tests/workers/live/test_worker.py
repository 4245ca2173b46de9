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
from tests.support.releases import newer_release
from tests.support.waiting import wait_until
from tests.workers.broker_capture import FakePipeline, grey_jpeg
from tests.workers.live.fakes import FAILS, QUICK, FakeGateway, LocalWorker, ShadePipeline, result_of, seen
from workers.live.worker import OTHER_RELEASE, result_text
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
def local(frames: redis.Redis) -> LocalWorker:
    """A worker that has sent its first heartbeat; the test calls each `turn`."""
    local = LocalWorker(frames, ME)
    local.worker.turn()
    return local


def is_kept(frames: redis.Redis, place: WorkerSlot) -> bool:
    """Renew the slot; returns whether the worker still has it."""
    return run_sync(frames, live.renew([place])) == []


def names(frames: redis.Redis) -> set[bytes]:
    found: Any = frames.keys()
    return set(found)


def test_a_frame_of_a_newer_release_is_refused_at_once_and_not_again(local: LocalWorker, gateway: FakeGateway) -> None:
    place = gateway.join("a")
    with newer_release():
        gateway.send(place, grey_jpeg(51), 7)
    local.worker.turn()
    (answer,) = gateway.answers()
    assert (answer.live_id, answer.frame_index, answer.error) == ("a", 7, "pipeline_failure")
    assert answer.text == OTHER_RELEASE.encode()
    assert not local.made
    gateway.send(place, grey_jpeg(51), 8)
    local.worker.turn()
    assert [one.error for one in gateway.answers()] == [None]


# --- one frame -------------------------------------------------------------------------------------------


def test_a_frame_is_answered_with_what_its_pipeline_found(local: LocalWorker, gateway: FakeGateway) -> None:
    place = gateway.join("a")
    gateway.send(place, grey_jpeg(51), 7, "holistic")
    local.worker.turn()
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


def test_a_picture_is_deleted_from_the_inbox_before_it_is_processed(frames: redis.Redis, gateway: FakeGateway) -> None:
    kept: list[Any] = []

    class Watching(FakePipeline):
        def process(self, image: Image) -> Findings:
            kept.append(frames.exists(live_inbox(ME)))
            return super().process(image)

    local = LocalWorker(frames, ME, make=Watching)
    local.worker.turn()
    place = gateway.join("a")
    for frame_index in range(2):
        gateway.send(place, grey_jpeg(9), frame_index)
        local.worker.turn()
        assert not frames.exists(live_inbox(ME))
    assert kept == [0, 0]
    assert len(gateway.answers(2)) == 2


def test_a_jpeg_that_cannot_be_decoded_is_an_error_of_the_client_and_keeps_the_pipeline(
    local: LocalWorker, gateway: FakeGateway
) -> None:
    place = gateway.join("a")
    gateway.send(place, grey_jpeg(9)[:-20] + b"\xff\xd9")
    local.worker.turn()
    (answer,) = gateway.answers()
    assert answer.error == "invalid_frame"
    assert local.made == []


@pytest.mark.parametrize("payload", [b"", b"\xff\xd8\xff\xd9"])
def test_bytes_that_are_no_jpeg_are_answered(local: LocalWorker, gateway: FakeGateway, payload: bytes) -> None:
    gateway.send(gateway.join("a"), payload)
    local.worker.turn()
    (answer,) = gateway.answers()
    assert answer.error == "invalid_frame"


def test_a_pipeline_that_fails_is_replaced_and_the_answer_holds_nothing_internal(
    frames: redis.Redis, gateway: FakeGateway
) -> None:
    local = LocalWorker(frames, ME, make=ShadePipeline)
    local.worker.turn()
    place = gateway.join("a")
    for shade in (9, FAILS, 9):
        gateway.send(place, grey_jpeg(shade))
        local.worker.turn()
    before, failed, after = gateway.answers(3)
    assert (failed.error, failed.text) == ("pipeline_failure", b"The pipeline failed on this frame.")
    assert (seen(before), seen(after)) == (1, 1), "a new pipeline processed the third frame"
    assert [pipeline.closed for _, pipeline in local.made] == [True, False]


def test_a_pipeline_s_failure_is_logged_with_its_cause(frames: redis.Redis, gateway: FakeGateway) -> None:
    local = LocalWorker(frames, ME, make=ShadePipeline)
    local.worker.turn()
    gateway.send(gateway.join("a"), grey_jpeg(FAILS))
    with capture_logs() as lines:
        local.worker.turn()
    [line] = [line for line in lines if line["event"] == "pipeline failed"]
    assert (line["log_level"], line["pipeline_id"]) == ("error", "pose")
    assert isinstance(line["exc_info"], Exception) and line["live_id"]


def test_a_pipeline_that_cannot_be_made_fails_its_session_alone(frames: redis.Redis, gateway: FakeGateway) -> None:
    def make() -> FakePipeline:
        raise RuntimeError("no model")

    local = LocalWorker(frames, ME, make=make)
    local.worker.turn()
    gateway.send(gateway.join("a"), grey_jpeg(9))
    local.worker.turn()
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
    local: LocalWorker, frames: redis.Redis, gateway: FakeGateway, fields: Any
) -> None:
    place = gateway.join("a")
    frames.xadd(live_inbox(ME), fields)
    gateway.send(place, grey_jpeg(9))
    with capture_logs() as lines:
        local.worker.turn()
    local.worker.turn()
    assert [line["event"] for line in lines] == ["an entry of the inbox is no frame"]
    assert "secret" not in repr(lines)
    assert seen(*gateway.answers()) == 1
    assert not frames.exists(live_inbox(ME))


# --- many sessions ---------------------------------------------------------------------------------------


def test_sessions_are_answered_in_the_order_of_their_frames_and_each_has_its_own_tracking(
    local: LocalWorker, gateway: FakeGateway
) -> None:
    places = [gateway.join(f"session-{number}") for number in range(10)]
    for frame_index in range(3):
        for place in places:
            gateway.send(place, grey_jpeg(9), frame_index)
        for _ in places:
            local.worker.turn()
        answers = gateway.answers(10)
        assert [answer.live_id for answer in answers] == [place.live_id for place in places]
        assert [seen(answer) for answer in answers] == [frame_index + 1] * 10


def test_a_cheap_session_beside_many_expensive_ones_does_not_wait_for_them(
    local: LocalWorker, gateway: FakeGateway
) -> None:
    """A picture of 64 MiB of samples costs as much as eight pictures of a camera."""
    expensive = [gateway.join(f"expensive-{number}") for number in range(10)]
    honest = gateway.join("honest")
    large = grey_jpeg(9, 4096, 4096)
    for place in [*expensive, honest]:
        gateway.send(place, grey_jpeg(9))
        local.worker.turn()
    gateway.answers(11)
    for place in expensive:
        gateway.send(place, large, 1)
    gateway.send(honest, grey_jpeg(9), 1)
    local.worker.turn()
    (answer,) = gateway.answers()
    assert answer.live_id == "honest", "the cheap frame came last and is answered first"
    for _ in expensive:
        local.worker.turn()
    assert {answer.live_id for answer in gateway.answers(10)} == {place.live_id for place in expensive}


def test_a_session_that_left_while_its_frame_waited_is_not_served(
    local: LocalWorker, frames: redis.Redis, gateway: FakeGateway
) -> None:
    places = [gateway.join(f"session-{number}") for number in range(3)]
    for place in places:
        gateway.send(place, grey_jpeg(9))
    local.worker.turn()
    waiting: Any = frames.xrange(live_inbox(ME))
    run_sync(frames, live.drop(live_inbox(ME), [waiting[0][0]]))
    for _ in range(3):
        local.worker.turn()
    assert [answer.live_id for answer in gateway.answers(2)] == ["session-0", "session-2"]
    assert len(local.made) == 2
    assert not frames.exists(live_inbox(ME))


def test_more_frames_than_are_read_at_once_are_all_answered(local: LocalWorker, gateway: FakeGateway) -> None:
    places = [gateway.join(f"session-{number}") for number in range(30)]
    for place in places:
        gateway.send(place, grey_jpeg(9))
    for _ in places:
        local.worker.turn()
    assert [answer.live_id for answer in gateway.answers(30)] == [place.live_id for place in places]


def test_more_sessions_than_graphs_are_all_answered(frames: redis.Redis, gateway: FakeGateway) -> None:
    local = LocalWorker(frames, ME, max_graphs=2)
    local.worker.turn()
    places = [gateway.join(f"session-{number}") for number in range(5)]
    for _ in range(2):
        for place in places:
            gateway.send(place, grey_jpeg(9))
            local.worker.turn()
    assert [seen(answer) for answer in gateway.answers(10)] == [1] * 10
    assert sum(not pipeline.closed for _, pipeline in local.made) == 2


def test_another_pipeline_id_makes_another_pipeline(local: LocalWorker, gateway: FakeGateway) -> None:
    place = gateway.join("a")
    for pipeline_id in ("pose", "pose", "hands"):
        gateway.send(place, grey_jpeg(9), pipeline_id=pipeline_id)
        local.worker.turn()
    assert [seen(answer) for answer in gateway.answers(3)] == [1, 2, 1]
    assert [(pipeline_id, pipeline.closed) for pipeline_id, pipeline in local.made] == [
        ("pose", True),
        ("hands", False),
    ]


def test_the_pipeline_of_a_session_that_left_is_closed_at_the_next_heartbeat(
    frames: redis.Redis, gateway: FakeGateway
) -> None:
    local = LocalWorker(frames, ME)
    with local.running():
        stays, leaves = gateway.join("stays"), gateway.join("leaves")
        gateway.ask(stays, grey_jpeg(9))
        gateway.ask(leaves, grey_jpeg(9))
        gateway.leave(leaves)
        wait_until(lambda: local.made[1][1].closed)
        assert not local.made[0][1].closed
        gateway.send(leaves, grey_jpeg(9))  # if a frame arrives after the session left, its pipeline is closed soon
        wait_until(lambda: len(local.made) == 3 and local.made[2][1].closed)
        gateway.answers()
        assert seen(gateway.ask(stays, grey_jpeg(9), 1)) == 2


def test_a_pipeline_that_is_not_used_for_long_is_closed_and_made_again_when_needed(
    frames: redis.Redis, gateway: FakeGateway
) -> None:
    local = LocalWorker(frames, ME, timing=replace(QUICK, unused_s=0.0))
    with local.running():
        place = gateway.join("a")
        for frame_index in range(2):
            assert seen(gateway.ask(place, grey_jpeg(9), frame_index)) == 1
            wait_until(lambda: is_kept(frames, place) and local.made[-1][1].closed)
    assert len(local.made) == 2


# --- registered and deregistered --------------------------------------------------------------------------------


def test_a_worker_sends_heartbeats_idle_or_busy(frames: redis.Redis, gateway: FakeGateway) -> None:
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
            elapsed.append(local.clock.elapsed_s())

        def process(self, image: Image) -> Findings:
            elapsed.append(local.clock.elapsed_s())
            return super().process(image)

        def close(self) -> None:
            elapsed.append(local.clock.elapsed_s())

    local = LocalWorker(frames, ME, make=Timed)
    local.worker.turn()
    place = gateway.join("a")
    gateway.send(place, grey_jpeg(9))
    local.worker.turn()
    gateway.leave(place)
    local.worker._send_heartbeat()
    assert len(elapsed) == 3
    assert all(elapsed)
    assert local.clock.elapsed_s() == 0.0


def test_a_worker_that_deregisters_is_not_listed_and_its_frames_stay_in_the_broker(
    local: LocalWorker, frames: redis.Redis, gateway: FakeGateway
) -> None:
    place = gateway.join("a")
    gateway.send(place, grey_jpeg(9))
    waiting: Any = frames.xrange(live_inbox(ME))
    heartbeats.deregister_live_worker(frames, ME)
    assert run_sync(frames, live.renew([place])) == [place]
    assert names(frames) == {live_inbox(ME).encode()}
    assert run_sync(frames, live.drop(live_inbox(ME), [waiting[0][0]])) == 1, "another worker can take the frame"
    assert names(frames) == set()


def test_a_worker_that_stops_closes_every_pipeline(frames: redis.Redis, gateway: FakeGateway) -> None:
    local = LocalWorker(frames, ME)
    with local.running():
        for number in range(3):
            gateway.ask(gateway.join(f"session-{number}"), grey_jpeg(9))
    assert [pipeline.closed for _, pipeline in local.made] == [True] * 3


def test_the_broker_is_empty_after_the_last_session_and_worker_left(frames: redis.Redis, gateway: FakeGateway) -> None:
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
            server.connected = len(local.made) > 1 or self.seen > 0
            return super().process(image)

    server = fakeredis.FakeServer()
    with fakeredis.FakeRedis(server=server) as mine, fakeredis.FakeRedis(server=server) as theirs:
        local = LocalWorker(mine, ME, make=Cutting)
        gateway = FakeGateway(theirs, unique)
        with local.running():
            place = gateway.join("a")
            gateway.send(place, grey_jpeg(9))
            wait_until(lambda: not server.connected)
            server.connected = True
            (answer,) = gateway.answers()
            assert (answer.frame_index, seen(answer)) == (0, 1), "the answer was kept"
            assert seen(gateway.ask(place, grey_jpeg(9), 1)) == 2
        assert not theirs.exists(live_inbox(ME))


def test_a_worker_sends_a_heartbeat_as_soon_as_the_broker_is_back() -> None:
    server = fakeredis.FakeServer()
    with fakeredis.FakeRedis(server=server) as mine, fakeredis.FakeRedis(server=server) as theirs:
        local = LocalWorker(mine, ME, timing=replace(QUICK, alive_s=3_600))
        with local.running(), capture_logs() as lines:
            wait_until(lambda: theirs.zrem(LIVE_WORKERS, ME))
            server.connected = False
            wait_until(lambda: [line for line in lines if line["log_level"] == "warning"])
            server.connected = True
            wait_until(lambda: theirs.zscore(LIVE_WORKERS, ME))


def test_a_broker_that_is_full_takes_no_answer_and_the_worker_goes_on(own_brokers: BrokerPair, unique: str) -> None:
    with own_brokers.frames.client() as frames:
        gateway = FakeGateway(frames, unique)
        local = LocalWorker(frames, ME)
        local.worker.turn()
        place = gateway.join("a")
        gateway.send(place, grey_jpeg(9))
        frames.config_set("maxmemory", 1)
        with pytest.raises(BrokerUnavailable):
            local.worker.turn()
        assert not frames.exists(live_inbox(ME)), "the picture is deleted even so"
        frames.config_set("maxmemory", 256_000_000)
        gateway.send(place, grey_jpeg(9), 1)
        local.worker.turn()
        assert seen(*gateway.answers()) == 2


def test_a_worker_waits_for_frames_in_one_blocking_read(own_brokers: BrokerPair, unique: str) -> None:
    with own_brokers.frames.client() as frames, own_brokers.frames.client() as its_own:
        gateway = FakeGateway(frames, unique)
        timing = replace(QUICK, alive_s=60.0, read_ms=60_000)
        local = LocalWorker(its_own, ME, timing=timing)
        with local.running():
            place = gateway.join("a")
            for frame_index in range(3):  # each ends a read that would wait for a minute
                wait_until(lambda: int(frames.info("clients")["blocked_clients"]) == 1)  # type: ignore[index]
                assert seen(gateway.ask(place, grey_jpeg(9), frame_index)) == frame_index + 1
            local.stop.set()
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
            # the gateway holds a slot that the restarted broker does not know
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
            local.worker.turn()  # each session has a frame in the inbox at each choice
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
