"""Processes that are killed, paused and told to stop in the middle of a capture: nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from contracts.broker import keys
from contracts.rules.errors import A3CPError
from contracts.rules.paths import artifact_path
from scripts.client import CaptureOutcome
from scripts.clips.stream import stream_capture
from tests.conftest import BrokerPair, on_one
from tests.integration.stacks import USER, FaceClip, Running, running, settings_for
from tests.support.waiting import DEADLINE_S, until

FRAMES = 60
"""So many that a test finds an extractor in the middle of them."""
FEW = 32
MANY = 180
"""So many that the client still sends when the first are extracted: half a full stream, 75 frames, makes it wait."""


def signal_part(stack: Running, name: str, number: signal.Signals) -> None:
    """Signal a part and the processes that it started, such as those of an extractor's pool."""
    pid = stack.stack.parts[name].pid
    assert pid is not None
    os.killpg(pid, number)


async def start_capture(
    stack: Running, session_id: str, frames: int = FRAMES
) -> tuple[str, str, asyncio.Task[CaptureOutcome]]:
    """A running capture: its capture_id, its record_id, and the task that returns its outcome."""
    capture_id, record_id = str(uuid.uuid4()), str(uuid.uuid4())
    ids = {"user_id": USER, "session_id": session_id, "capture_id": capture_id, "record_id": record_id}
    task = asyncio.create_task(stream_capture(stack.gateway, FaceClip(frames), **ids))  # type: ignore[arg-type]
    return capture_id, record_id, task


async def extracted(stack: Running, capture_id: str, frames: int, task: asyncio.Task[CaptureOutcome]) -> None:
    """Wait until so many frames of a capture are extracted; fails at once if its task ends before."""

    async def some() -> bool:
        status = await stack.status(capture_id)
        assert status.get("status") != "aborted", status
        return status.get("extracted", 0) >= frames

    await until(some, f"{frames} frames are extracted", unless=lambda: task.done() and task)


async def restarts(stack: Running, session_id: str, record_id: str) -> list[int]:
    path = artifact_path(stack.stack.settings.data_root, USER, session_id, record_id)
    with np.load(path, allow_pickle=False) as members:
        assert members["seq"].tolist() == list(range(1, FRAMES + 1))
        return [int(seq) for seq in members["tracker_restarts"]]


@asynccontextmanager
async def session_on(
    brokers: BrokerPair, folder: Path, *, captures: int, extractors: int = 1, recorders: int = 1
) -> AsyncIterator[tuple[Running, str]]:
    """A session on a stack; at the end the session must verify, with this many captures."""
    async with running(settings_for(brokers, folder), extractors=extractors, recorders=recorders) as stack:
        session_id = await stack.gateway.start_session(USER)
        yield stack, session_id
        await stack.gateway.end_session(USER, session_id)
        report = stack.verify(session_id)
        assert report.ok, report.findings
        assert len(report.captures) == captures
        assert await stack.frames.xlen(keys.CAPTURES) == 0, "no dispatch entry is left"
        assert await stack.events.zcard(keys.UNFINISHED) == 0, "every capture has its outcome"


@on_one("valkey")
async def test_a_killed_extractor_s_capture_is_taken_over_at_its_last_row(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async with session_on(own_brokers, tmp_path, captures=1) as (stack, session_id):
        capture_id, record_id, task = await start_capture(stack, session_id)
        await extracted(stack, capture_id, 5, task)
        signal_part(stack, "extractor-1", signal.SIGKILL)
        result = await task
        assert (result.status, result.accepted, result.extracted) == ("recorded", FRAMES, FRAMES)
        (seq,) = await restarts(stack, session_id, record_id)
        assert seq > 5


@on_one("redis")
async def test_a_paused_extractor_that_wakes_up_changes_nothing(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async with session_on(own_brokers, tmp_path, captures=3, extractors=2) as (stack, session_id):
        capture_id, record_id, task = await start_capture(stack, session_id)
        await extracted(stack, capture_id, 5, task)
        (pending,) = await _pending(stack)
        owner = await _part_of(stack, pending["consumer"].decode())
        signal_part(stack, owner, signal.SIGSTOP)
        try:
            result = await task
        finally:
            signal_part(stack, owner, signal.SIGCONT)
        assert result.recorded
        path = artifact_path(stack.stack.settings.data_root, USER, session_id, record_id)
        before = path.read_bytes()
        # two captures at once need both extractors, so the one that slept must work again
        both = [(await start_capture(stack, session_id, FEW))[2] for _ in range(2)]
        assert [capture.status for capture in await asyncio.gather(*both)] == ["recorded"] * 2
        assert path.read_bytes() == before
        assert len(await restarts(stack, session_id, record_id)) == 1


async def _pending(stack: Running) -> list[dict[str, object]]:
    return await stack.frames.xpending_range(keys.CAPTURES, keys.EXTRACTOR_GROUP, "-", "+", 10)  # type: ignore[no-any-return]


async def _part_of(stack: Running, consumer: str) -> str:
    """The part that this consumer is a process of: consumers are named host-pid-random."""
    pid = int(consumer.split("-")[-2])
    group = os.getpgid(pid)
    return next(name for name, part in stack.stack.parts.items() if part.pid == group)


@on_one("valkey")
async def test_an_extractor_that_stops_hands_its_capture_back_at_once(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async with session_on(own_brokers, tmp_path, captures=1) as (stack, session_id):
        capture_id, record_id, task = await start_capture(stack, session_id)
        await extracted(stack, capture_id, 5, task)
        pid = stack.stack.parts["extractor-1"].pid
        assert pid is not None
        os.kill(pid, signal.SIGTERM)  # it ends with 0, and the supervisor starts it again
        result = await task
        assert (result.status, result.extracted) == ("recorded", FRAMES)
        state_restarts = await restarts(stack, session_id, record_id)
        assert len(state_restarts) <= 1


@on_one("redis")
async def test_a_killed_gateways_capture_ends_as_gateway_lost_without_artifact_or_event(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async with session_on(own_brokers, tmp_path, captures=0) as (stack, session_id):
        capture_id, record_id, task = await start_capture(stack, session_id, MANY)
        await extracted(stack, capture_id, 5, task)
        signal_part(stack, "gateway", signal.SIGKILL)
        outcome = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(outcome[0], A3CPError | CaptureOutcome)
        await stack.stack.ready(DEADLINE_S)

        async def lost() -> bool:
            status = await stack.status(capture_id)
            return (status.get("status"), status.get("error_code")) == ("aborted", "gateway_lost")

        await until(lost, "the capture is gateway_lost")
        assert not artifact_path(stack.stack.settings.data_root, USER, session_id, record_id).exists()


@on_one("valkey")
async def test_a_killed_process_of_two_gateways_loses_its_capture_and_the_other_one_serves(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async with running(settings_for(own_brokers, tmp_path), gateways=2) as stack:
        session_id = await stack.gateway.start_session(USER)
        capture_id, record_id, task = await start_capture(stack, session_id, MANY)
        await extracted(stack, capture_id, 5, task)
        opened = next(line for line in logged(stack, "capture opened") if line["capture_id"] == capture_id)
        pids = {line["gateway"]: line["pid"] for line in logged(stack, "process starts")}
        os.kill(pids[opened["gateway"]], signal.SIGKILL)
        await asyncio.gather(task, return_exceptions=True)

        async def lost() -> bool:
            status = await stack.status(capture_id)
            return (status.get("status"), status.get("error_code")) == ("aborted", "gateway_lost")

        await until(lost, "the capture is gateway_lost")
        assert not artifact_path(stack.stack.settings.data_root, USER, session_id, record_id).exists()
        _, _, next_one = await start_capture(stack, session_id, FEW)
        assert (await next_one).recorded
        assert stack.stack.parts["gateway"].starts == 1, "its parent has started another one"


def logged(stack: Running, event: str) -> list[dict[str, Any]]:
    """The lines of the gateway with this event."""
    texts = [line.removeprefix("gateway | ") for line in stack.said if line.startswith("gateway | {")]
    return [line for line in map(orjson.loads, texts) if line["event"] == event]


@on_one("valkey")
async def test_a_killed_recorders_standby_takes_over_and_repeats_nothing(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async with session_on(own_brokers, tmp_path, captures=2, recorders=2) as (stack, session_id):
        _, _, first = await start_capture(stack, session_id, FEW)
        assert (await first).recorded
        leader = (await stack.events.get(keys.RECORDER_LEADER)).decode()
        signal_part(stack, await _part_of(stack, leader), signal.SIGKILL)
        _, _, second = await start_capture(stack, session_id, FEW)
        assert (await second).recorded
