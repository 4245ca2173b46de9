"""Measure the real-time lane: the round trip of a frame, the behaviour under overload, and the memory of a
connection."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections import Counter
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypeVar

from contracts.messages.live import LiveDropped, LiveResult
from contracts.process.settings import Settings
from gateway.live.frame_check import check_frame
from scripts.client import CaptureClient, LiveStream
from scripts.client.live import live_path
from scripts.measurements.bare import bare_loop
from scripts.measurements.clips import CLIPS, TWO_HANDS, clip
from scripts.measurements.rows import BenchRow, median, percentile
from scripts.measurements.stacks import running
from scripts.measurements.wire import BINARY, Wire, connected, framed
from scripts.stack.stack import Stack

__all__ = ["measure_live"]

T = TypeVar("T")

PERIOD_S = 1 / 15
FRAMES = 300
GOAL = 1.10
WARM_UP_FRAMES = 15
MANY = 0.4
"""The share of dropped frames at which the overload is far over the threshold of `slow_down`."""

SESSIONS = 10
IDLE = 100


async def measure_live(settings: Settings) -> list[BenchRow]:
    """Measure every row of the lane, on a new stack. The pose's pipeline does not look for hands, so one clip is enough
    for it."""
    jpegs = clip(TWO_HANDS)
    async with running(settings, extractors=1, live=1) as (stack, client):
        rows: list[BenchRow] = []
        for pipeline_id, hands in [("pose", TWO_HANDS), *(("holistic", hands) for hands in CLIPS)]:
            rows += await _round_trip(stack.address, pipeline_id, hands)
        rows += await _overload(client, jpegs)
        rows += await _many(stack, client, jpegs)
    return rows + _validation()


# --- one connection at 15 frames a second -----------------------------------------------------------


async def _round_trip(url: str, pipeline_id: str, hands: str) -> list[BenchRow]:
    """Send fifteen frames a second through the lane and, half a period after each, the same frame through the bare
    loop, so that neither disturbs the other."""
    lane_ms: list[float] = []
    bare_ms: list[float] = []
    inference_ms: list[float] = []
    carried_ms: list[float] = []
    pictures = [(jpeg, framed(BINARY, jpeg)) for jpeg in clip(hands)]
    with bare_loop(pipeline_id) as bare, connected(url, live_path(pipeline_id)) as wire:
        for number, (jpeg, message) in enumerate(itertools.islice(itertools.cycle(pictures), FRAMES)):
            took_ms, answer = await _paced(asyncio.to_thread(_asked, wire, message))
            floor_ms = await _paced(bare.once(jpeg))
            if number < WARM_UP_FRAMES:
                continue
            lane_ms.append(took_ms)
            bare_ms.append(floor_ms)
            timing_ms = LiveResult.model_validate_json(answer).result.timing_ms
            inference_ms.append(timing_ms.inference)
            carried_ms.append(took_ms - timing_ms.inference - timing_ms.decode)
    floor_name, name = "bare cv2 decode + inference", f"{pipeline_id}, {hands}"
    rows = [
        BenchRow(f"live {name}, round trip p50", median(lane_ms), "ms", GOAL, median(bare_ms), floor_name),
        BenchRow(f"live {name}, round trip p95", percentile(lane_ms, 0.95), "ms", None,
            percentile(bare_ms, 0.95), floor_name),
    ]  # fmt: skip
    # the plan's targets; the page selects holistic by default
    return [
        *rows,
        BenchRow(f"plan: {name}, inference", median(inference_ms), "ms", 30),
        BenchRow(f"plan: {name}, sending: neither decode nor inference", median(carried_ms), "ms", 5),
        BenchRow(f"plan: {name}, round trip", median(lane_ms), "ms", 40),
    ]


def _asked(wire: Wire, message: bytes) -> tuple[float, bytes]:
    """One frame's round trip in ms, and its answer, for a client without other work."""
    started_s = time.perf_counter()
    wire.send(message)
    _, answer = wire.message()
    return 1000 * (time.perf_counter() - started_s), answer


async def _paced(step: Awaitable[T]) -> T:
    """Run a step, then wait for the rest of half a period."""
    started_s = time.perf_counter()
    result = await step
    await asyncio.sleep(max(0.0, started_s + PERIOD_S / 2 - time.perf_counter()))
    return result


# --- too many frames --------------------------------------------------------------------------------


async def _overload(client: CaptureClient, jpegs: Sequence[bytes]) -> list[BenchRow]:
    """Send faster, from 30 frames a second on, until 40 % are dropped; then ten a second. Nearer the threshold of
    ``slow_down`` one episode may end and another begin, which would give two warnings."""
    for fps in (30, 60, 120, 240):
        async with client.live("holistic") as live:
            pictures = itertools.cycle(jpegs)
            await live.ask(next(pictures))
            fast = await _streamed(live, pictures, fps, 4 * fps)
            if fast["dropped"] < MANY * 4 * fps:
                continue
            await _streamed(live, pictures, 10, 60)  # fills the window of the drop rate
            slow = await _streamed(live, pictures, 10, 60)
            return [
                BenchRow(f"live holistic at {fps} a second: dropped", 100 * fast["dropped"] / (4 * fps), "%"),
                BenchRow("   … warnings in all", fast["warning"] + slow["warning"], "", 1),
                BenchRow("   … then at 10 a second: dropped", slow["dropped"], "frames", 0),
            ]
    return [BenchRow("live holistic at 240 a second: warnings", 0, "", 1, better="at least")]


async def _streamed(live: LiveStream, jpegs: Iterator[bytes], fps: int, count: int) -> Counter[str]:
    """Send ``count`` frames at ``fps``; returns the number of answers of each kind."""
    kinds: Counter[str] = Counter()

    async def read() -> None:
        while kinds["result"] + kinds["dropped"] < count:
            match await live.next_result():
                case LiveResult():
                    kinds["result"] += 1
                case LiveDropped():
                    kinds["dropped"] += 1
                case _:
                    kinds["warning"] += 1

    reading = asyncio.create_task(read())
    began_s = time.perf_counter()
    for number, jpeg in enumerate(itertools.islice(jpegs, count)):
        await asyncio.sleep(max(0.0, began_s + number / fps - time.perf_counter()))
        await live.send(jpeg)
    async with asyncio.timeout(30):
        await reading
    return kinds


# --- many connections -------------------------------------------------------------------------------


async def _many(stack: Stack, client: CaptureClient, jpegs: Sequence[bytes]) -> list[BenchRow]:
    pid = stack.parts["gateway"].pid
    assert pid is not None
    async with AsyncExitStack() as streams:
        opened = [await streams.enter_async_context(client.live("pose")) for _ in range(SESSIONS)]
        await asyncio.gather(*(live.ask(jpegs[0]) for live in opened))  # now the worker has made each one's graph
        results = await asyncio.gather(*(_streamed(live, itertools.cycle(jpegs), 15, 60) for live in opened))
    counts = [kinds["result"] for kinds in results]
    async with AsyncExitStack() as streams:
        levels = []
        for _ in range(2):  # the first hundred also load what the process has not needed before
            opened = [await streams.enter_async_context(client.live("face")) for _ in range(IDLE)]
            for live in opened:
                await live.ask(jpegs[0])
            levels.append(_memory_bytes(pid))
    each_kb = ((levels[1] - levels[0]) / IDLE - len(jpegs[0])) / 1024  # the last frame stays in the parser
    return [
        BenchRow(f"live pose, {SESSIONS} at once: the least served got", min(counts), "results", 0.5,
            median([float(count) for count in counts]), "the median one's", "at least"),
        BenchRow("live: gateway memory a session, beyond its last frame", each_kb, "KiB", 50),
    ]  # fmt: skip


def _memory_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# --- the plan's own targets -------------------------------------------------------------------------


def _validation() -> list[BenchRow]:
    """Measure the check of a JPEG of five million bytes, most of them padding before its end marker."""
    jpeg = clip(TWO_HANDS)[0]
    padded = jpeg[:-2] + bytes(5_000_000 - len(jpeg)) + jpeg[-2:]
    samples = []
    for _ in range(50):
        started_s = time.perf_counter()
        check_frame(padded, 5 * 1_048_576)
        samples.append(1000 * (time.perf_counter() - started_s))
    return [BenchRow("plan: validation of 5 MB", median(samples), "ms", 2)]
