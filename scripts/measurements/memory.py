"""Measure memory: the gateway's for a connection, an extractor's beyond MediaPipe, the frames broker's for a frame."""

from __future__ import annotations

import asyncio
import struct
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any
from uuid import uuid4

from websockets.asyncio.client import ClientConnection

from contracts.broker.roles import AsyncBroker
from contracts.messages.capture import CaptureOpen
from contracts.process.settings import Settings
from contracts.rules.ids import SCHEMA_VERSION
from scripts.client import CaptureClient
from scripts.clips.sample import SampleSource
from scripts.measurements.backlog import Backlog
from scripts.measurements.cameras import extract_at_once
from scripts.measurements.processes import private_bytes
from scripts.measurements.rows import BenchRow, median
from scripts.measurements.stacks import running
from scripts.stack.stack import Stack

__all__ = ["measure_memory"]

CONNECTIONS, LEVELS = 60, 4
CAPTURES = 20
LEAST_FURTHER_MB = 50.0
"""Less than any graph of Holistic has."""
REPEATS = 2
CALM_S = 0.5
SAMPLE_S = 0.02
KIB, MIB, MB = 1024, 1024 * 1024, 1_000_000


async def measure_memory(settings: Settings) -> list[BenchRow]:
    """Measure every row, on a new stack with one extractor that has one capture at a time, but for the row of a further
    camera, for which it has two."""
    jpegs = [frame.jpeg for frame in SampleSource().frames()]
    further = await _further_camera(settings)
    settings = settings.model_copy(update={"extractor_captures": 1})
    async with running(settings, extractors=1) as (stack, gateway), Backlog.of(stack, gateway) as backlog:
        rows = [*await _extractor(stack, backlog, jpegs), further]
        rows += await _broker(backlog, jpegs)
        await stack.parts["extractor-1"].stop()  # so that the captures stay idle
        return await _gateway(stack, gateway) + rows


# --- gateway ----------------------------------------------------------------------------------------


async def _gateway(stack: Stack, gateway: CaptureClient) -> list[BenchRow]:
    """Measure how much each connection of a further sixty adds. The first sixty also load what the process has not
    needed before, so they do not count."""
    pid = stack.parts["gateway"].pid
    assert pid is not None
    messages = [await _open_message(gateway, f"bench-{number}") for number in range(LEVELS * CONNECTIONS)]
    async with AsyncExitStack() as exits:
        sockets: list[ClientConnection] = []
        levels = []
        for _ in range(LEVELS):
            sockets += [await exits.enter_async_context(gateway.capture_socket()) for _ in range(CONNECTIONS)]
            levels.append(await _calm_bytes(pid))
        idle = _kib_each(levels)
        levels = []
        for number, (socket, message) in enumerate(zip(sockets, messages, strict=True), 1):
            await socket.send(message)
            if number % CONNECTIONS == 0:
                levels.append(await _calm_bytes(pid))
        if ended := {socket.close_reason for socket in sockets if socket.close_code}:
            raise RuntimeError(f"captures did not stay open: {ended}")
    return [
        BenchRow("gateway, a connection that has opened nothing", idle, "KiB", 60),
        BenchRow("   … that has opened a capture and sends nothing", idle + _kib_each(levels), "KiB"),
    ]


async def _calm_bytes(pid: int) -> int:
    await asyncio.sleep(CALM_S)
    return private_bytes(pid)


def _kib_each(levels: Sequence[int]) -> float:
    return (levels[-1] - levels[0]) / (len(levels) - 1) / CONNECTIONS / KIB


async def _open_message(gateway: CaptureClient, user_id: str) -> str:
    now = datetime.now(UTC)
    message = CaptureOpen(
        schema_version=SCHEMA_VERSION,
        record_id=str(uuid4()),
        user_id=user_id,
        timestamp=now,
        session_id=await gateway.start_session(user_id),
        capture_id=str(uuid4()),
        event="capture.open",
        timestamp_start=now,
        fps_target=15,
        width=640,
        height=480,
        encoding="jpeg",
    )
    return message.model_dump_json(exclude_none=True)


# --- extractor --------------------------------------------------------------------------------------


async def _extractor(stack: Stack, backlog: Backlog, jpegs: Sequence[bytes]) -> list[BenchRow]:
    """Measure the highest memory of the extractor and of the bare process while each processes the same frames."""
    pool = stack.parts["extractor-1"].pid
    assert pool is not None
    worker = _worker_of(pool)
    ours, bare = [], []
    for _ in range(REPEATS):
        [window] = await backlog.fill(1, jpegs)
        ours.append(await _most_bytes(worker, asyncio.create_task(backlog.drain([window]))))
        bare.append(await _bare_most_bytes(jpegs))
    over_mib = (median(ours) - median(bare)) / MIB
    return [
        BenchRow("extractor, over a bare MediaPipe process", over_mib, "MiB", 40),
        BenchRow("   … in all", median(ours) / MIB, "MiB", None, median(bare) / MIB, "decode and Holistic alone"),
        BenchRow("   … and the parent of its pool", private_bytes(pool) / MIB, "MiB"),
    ]


async def _further_camera(settings: Settings) -> BenchRow:
    """Measure how much more memory an extractor has at most with two cameras at the same time than with one; hands are
    in their pictures."""
    settings = settings.model_copy(update={"extractor_captures": 2})
    async with running(settings, extractors=1) as (stack, gateway):
        pool = stack.parts["extractor-1"].pid
        assert pool is not None
        worker, most = _worker_of(pool), []
        for cameras in (1, 2):
            work = asyncio.create_task(extract_at_once(gateway, settings, cameras))
            most.append(await _most_bytes(worker, work))
    further_mb = (most[1] - most[0]) / MB
    if further_mb < LEAST_FURTHER_MB:
        raise RuntimeError("the machine is too busy: the second camera waited for the first one's end")
    return BenchRow("   … a further camera at the same time", further_mb, "MB", 190)


def _worker_of(pool: int) -> int:
    """The pool's worker: of its children, which include Python's resource tracker, the largest one."""
    children = Path(f"/proc/{pool}/task/{pool}/children").read_text().split()
    return max(map(int, children), key=private_bytes)


async def _most_bytes(pid: int, work: asyncio.Task[Any]) -> float:
    most = 0
    while not work.done():
        most = max(most, private_bytes(pid))
        await asyncio.wait({work}, timeout=SAMPLE_S)
    work.result()
    return float(most)


async def _bare_most_bytes(jpegs: Sequence[bytes]) -> float:
    async with _bare() as process:
        return await _most_bytes(process.pid, asyncio.create_task(_answered(process, jpegs)))


@asynccontextmanager
async def _bare() -> AsyncIterator[asyncio.subprocess.Process]:
    command = (sys.executable, "-m", "scripts.measurements.bare_mediapipe")
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


async def _answered(process: asyncio.subprocess.Process, jpegs: Sequence[bytes]) -> None:
    assert process.stdin is not None and process.stdout is not None
    for jpeg in jpegs:
        process.stdin.write(struct.pack("<I", len(jpeg)) + jpeg)
        await process.stdin.drain()
        await process.stdout.readexactly(1)


# --- broker -----------------------------------------------------------------------------------------


async def _broker(backlog: Backlog, jpegs: Sequence[bytes]) -> list[BenchRow]:
    """Measure the broker's memory for waiting captures, with all their keys, against the bytes of their frames."""
    before = await _used_bytes(backlog.frames)
    await backlog.fill(CAPTURES, jpegs)
    grown = await _used_bytes(backlog.frames) - before
    payload = CAPTURES * sum(map(len, jpegs))
    name = f"frames broker, {CAPTURES * len(jpegs)} frames of {CAPTURES} captures that wait"
    return [BenchRow(name, grown / MIB, "MiB", 1.3, payload / MIB, "their JPEGs")]


async def _used_bytes(frames: AsyncBroker) -> int:
    return int((await frames.info("memory"))["used_memory"])
