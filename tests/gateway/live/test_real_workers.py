"""The whole real-time lane: real server, real broker, real worker processes, real MediaPipe."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from contracts.messages.live import LiveResult
from contracts.messages.pipelines import PIPELINES
from contracts.rules.landmarks import LAYOUT
from scripts.clips.stream import stream_capture
from tests.attack.hostile import HOSTILE
from tests.conftest import BrokerPair, on_one, start_pair
from tests.gateway.live.served import PATH, serving
from tests.gateway.live.test_drops import dropped, indices
from tests.gateway.live.test_frames import assert_ended
from tests.integration.stacks import TOO_SLOW, USER, FaceClip, jpegs, running, settings_for
from tests.support.gateway import GatewayProcess, launched
from tests.support.prestarted import spawned
from tests.support.waiting import PATIENT, until

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("patient_lane")]


@pytest.fixture(scope="module")
def pair() -> Iterator[BrokerPair]:
    """Brokers of one kind, because the tests do not depend on it."""
    yield from start_pair("valkey")


@pytest.fixture(scope="module")
def workers(pair: BrokerPair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """``python -m workers`` for the real-time lane alone."""
    folder = tmp_path_factory.mktemp("workers")
    with launched(folder, pair, module="workers", A3CP_WORKER_LANES="live") as process:
        yield process
        process.process.send_signal(signal.SIGTERM)
        assert process.ended()[0] == 0


def child(of: int) -> int:
    """The worker process of a pool, 0 before it is there; its helper processes do not count."""
    return next(iter(spawned(of)), 0)


@pytest.mark.parametrize("pipeline_id", ["pose", "holistic"])
@pytest.mark.usefixtures("workers")
async def test_a_real_face_gets_the_landmarks_of_its_pipeline(
    pair: BrokerPair, tmp_path: Path, pipeline_id: str
) -> None:
    async with serving(pair.frames.url, tmp_path, worker=False) as live:
        async with live.socket(f"?pipeline_id={pipeline_id}") as socket:
            answers = [LiveResult.model_validate_json(orjson.dumps(await socket.frame(jpeg))) for jpeg in jpegs(6)]
        assert [answer.frame_index for answer in answers] == list(range(6))
        found = answers[-1].result
        assert found.pipeline == pipeline_id
        assert set(found.landmarks) == {"pose", "face"} & set(PIPELINES[pipeline_id].parts)
        for part in LAYOUT:
            if part.name in found.landmarks:
                marks = found.landmarks[part.name]
                assert {len(mark) for mark in marks} == {len(part.coordinates)}
                assert len(marks) == part.landmarks
                assert sum(0 <= mark[0] <= 1 for mark in marks) > len(marks) / 2
        assert found.detections and all(0 <= detection.confidence <= 1 for detection in found.detections)
        assert found.timing_ms.decode > 0 and found.timing_ms.inference > 0
        await live.nothing_left()


@pytest.mark.usefixtures("workers")
async def test_a_picture_that_no_worker_can_decode_is_an_invalid_frame(pair: BrokerPair, tmp_path: Path) -> None:
    async with serving(pair.frames.url, tmp_path, worker=False) as live:
        async with live.socket() as socket:
            await socket.send(HOSTILE["cut, with an end glued on"].jpeg)
            assert_ended(await socket.ended(), "invalid_frame")
        async with live.socket() as socket:
            assert "result" in await socket.frame(jpegs(1)[0])
        await live.nothing_left()


@pytest.mark.usefixtures("workers")
async def test_ten_connections_at_once_share_a_real_worker_and_none_starves(pair: BrokerPair, tmp_path: Path) -> None:
    async with serving(pair.frames.url, tmp_path, worker=False) as live:

        async def client() -> list[dict[str, Any]]:
            async with live.socket() as socket:
                return [await socket.frame(jpeg) for jpeg in jpegs(6)]

        for answers in await asyncio.gather(*(client() for _ in range(10))):
            assert indices(answers) == list(range(6)) and not dropped(answers)
        await live.nothing_left()


async def test_after_a_worker_is_killed_its_frame_fails_or_is_answered_and_a_new_connection_is_served(
    pair: BrokerPair, workers: GatewayProcess, tmp_path: Path
) -> None:
    """If the killed worker had not taken the frame yet, the next worker answers it."""
    async with serving(pair.frames.url, tmp_path, worker=False) as live:
        async with live.socket() as socket:
            assert "result" in await socket.frame(jpegs(1)[0])
            worker = child(workers.process.pid)
            os.kill(worker, signal.SIGSTOP)  # a stopped worker cannot answer
            await socket.send(jpegs(1)[0])
            await until(lambda: next(iter(live.lane._connections.values())).sent, "the frame is in the broker")
            os.kill(worker, signal.SIGKILL)
            ended = await socket.ended() if "error" in (told := await socket.message()) else None
            assert ended is not None or "result" in told
        async with live.socket() as socket:
            assert "result" in await socket.frame(jpegs(1)[0])
        await live.nothing_left()


@on_one("valkey")
async def test_captures_and_live_sessions_do_not_take_each_other_s_workers(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    """Four live clients send as fast as they are answered while a capture is extracted. Each picture gets its result in
    its turn, and no picture reaches a disk. A client that waited too long connects again: the machine may be busy."""
    clip = FaceClip(36)
    async with running(settings_for(own_brokers, tmp_path), live=1) as stack:
        address = stack.stack.address.replace("http", "ws") + f"{PATH}?pipeline_id=pose"
        over = asyncio.Event()

        async def session(answers: list[dict[str, Any]]) -> None:
            async with connect(address, **PATIENT) as socket:
                while not over.is_set() or len(answers) < 5:
                    await socket.send(jpegs(36)[len(answers) % 36])
                    answers.append(orjson.loads(await socket.recv()))

        async def client() -> list[dict[str, Any]]:
            while True:
                answers: list[dict[str, Any]] = []
                try:
                    await session(answers)
                    return answers
                except ConnectionClosed:
                    assert answers.pop()["detail"] == TOO_SLOW
                finally:
                    assert indices(answers) == list(range(len(answers))) and all("result" in one for one in answers)

        clients = [asyncio.create_task(client()) for _ in range(4)]
        session_id = await stack.gateway.start_session(USER)
        result = await stream_capture(stack.gateway, clip, user_id=USER, session_id=session_id)
        over.set()
        assert all(len(answers) >= 5 for answers in await asyncio.gather(*clients))
        assert result.status == "recorded"
        assert stack.verify(session_id).ok
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert written and not any(jpeg[200:264] in content for content in written for jpeg in jpegs(36)[:3])
