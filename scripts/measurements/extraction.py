"""Measure extraction: frames a second, processor time a frame, and the wait from a capture's close to its line."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from contracts.broker.keys import EXTRACTORS
from contracts.process.settings import Settings
from scripts.client import CaptureClient
from scripts.measurements.backlog import Backlog
from scripts.measurements.bare import BareCrowd, BareRun, bare_crowd, crowd
from scripts.measurements.cameras import measure_cameras
from scripts.measurements.clips import CLIPS, TWO_HANDS, clip
from scripts.measurements.closing import measure_closing
from scripts.measurements.models import GOAL, models_of
from scripts.measurements.processes import tree_cpu_s
from scripts.measurements.rows import BenchRow, median
from scripts.measurements.stacks import running
from scripts.stack.stack import Stack

__all__ = ["LoadedStack", "Run", "measure_extraction"]

ROUNDS = 3
SHORT_FRAMES = 120
WAITING = (1, 2, 4, 8)
WAITING_ROUNDS = 2
CLOSING_MIN_DURATION_S = 1.0


class Run(NamedTuple):
    """The work of a whole stack from the first dispatch to the last line in a log: frames, wall-clock and processor
    seconds."""

    frames: int
    elapsed_s: float
    cpu_s: float


async def measure_extraction(settings: Settings) -> list[BenchRow]:
    """Measure every row; each group starts its own stack. Rows about more captures or extractors have the clip with
    two hands."""
    cores = os.cpu_count() or 1
    rows: list[BenchRow] = []
    async with LoadedStack.running(settings, cores) as loaded:
        for hands in CLIPS:
            with bare_crowd(cores, clip(hands)) as bare, crowd(cores, clip(hands), models_of) as models:
                rows += await _saturated(loaded, bare, models, hands)
        rows += await _waiting(loaded, clip(TWO_HANDS)[:SHORT_FRAMES])
    with bare_crowd(2 * cores, clip(TWO_HANDS)) as bare:
        for processes in dict.fromkeys((1, cores, 2 * cores)):
            async with LoadedStack.running(settings, processes) as loaded:
                rows += await _crowd(loaded, bare, clip(TWO_HANDS)[:SHORT_FRAMES], processes)
    limits = settings.capture.model_copy(update={"min_duration_s": CLOSING_MIN_DURATION_S})
    async with LoadedStack.running(settings.model_copy(update={"capture": limits}), 1) as loaded:
        for hands in CLIPS:
            rows += await measure_closing(loaded.gateway, settings.log_root, hands)
    return rows + await measure_cameras(settings, cores)


class LoadedStack:
    """A stack, and a backlog of captures for it."""

    def __init__(self, stack: Stack, gateway: CaptureClient, backlog: Backlog) -> None:
        self._stack = stack
        self.gateway = gateway
        self._backlog = backlog

    @classmethod
    @asynccontextmanager
    async def running(cls, settings: Settings, extractors: int) -> AsyncIterator[LoadedStack]:
        """Start a stack, and wait until each of its extractors has registered."""
        async with running(settings, extractors=extractors) as (stack, gateway), Backlog.of(stack, gateway) as backlog:
            while await backlog.frames.zcard(EXTRACTORS) < extractors:  # noqa: ASYNC110 - /readyz needs one extractor, this needs all
                await asyncio.sleep(0.05)
            yield cls(stack, gateway, backlog)

    async def run_captures(
        self, captures: int, jpegs: Sequence[bytes], traceparent: Callable[[], str] = lambda: ""
    ) -> Run:
        """Extract ``captures`` captures of these frames. All of them are in the broker before the first one is
        dispatched. ``traceparent`` returns that of each dispatch entry."""
        windows = await self._backlog.fill(captures, jpegs)
        before_s = self._cpu_s()
        elapsed_s = await self._backlog.drain(windows, traceparent)
        return Run(captures * len(jpegs), elapsed_s, self._cpu_s() - before_s)

    def _cpu_s(self) -> float:
        return sum(tree_cpu_s(part.pid) for part in self._stack.parts.values() if part.pid is not None)


async def _saturated(loaded: LoadedStack, bare: BareCrowd, models: BareCrowd, hands: str) -> list[BenchRow]:
    """Measure one long capture for each extractor, and as many frames for each process of the floors, in turns."""
    cores, jpegs = os.cpu_count() or 1, clip(hands)
    ours: list[Run] = []
    floors: list[BareRun] = []
    alone: list[BareRun] = []
    await loaded.run_captures(cores, jpegs[:30])
    for _ in range(ROUNDS):
        floors.append(await bare.run(cores, len(jpegs)))
        alone.append(await models.run(cores, len(jpegs)))
        ours.append(await loaded.run_captures(cores, jpegs))
    floor_name = f"{cores} bare processes"
    return [
        BenchRow(f"extraction, {cores} extractors, saturated, {hands}", _fps(ours), "frames/s", 1.0, _fps(floors),
            floor_name, "at least"),
        BenchRow("   … processor time a frame, brokers and all", _cpu_ms(ours), "ms", None, _cpu_ms(floors),
            floor_name),
        BenchRow("   … the same, to the models alone", _cpu_ms(ours), "ms", GOAL if hands == TWO_HANDS else None,
            _cpu_ms(alone), f"their models alone, in {cores} processes"),
    ]  # fmt: skip


async def _waiting(loaded: LoadedStack, jpegs: Sequence[bytes]) -> list[BenchRow]:
    """Measure whether a frame costs more if more captures wait."""
    runs: dict[int, list[Run]] = defaultdict(list)
    for _ in range(WAITING_ROUNDS):
        for captures in WAITING:
            runs[captures].append(await loaded.run_captures(captures, jpegs))
    one_ms = _cpu_ms(runs[1])
    rows = []
    for captures in WAITING:
        rows.append(BenchRow(f"extraction, {captures} waiting: processor time a frame", _cpu_ms(runs[captures]), "ms",
                        1.05, one_ms, "one waiting", against=("captures that wait", captures)))  # fmt: skip
        rows.append(BenchRow("   …", _fps(runs[captures]), "frames/s", against=("captures that wait", captures)))
    return rows


async def _crowd(loaded: LoadedStack, bare: BareCrowd, jpegs: Sequence[bytes], processes: int) -> list[BenchRow]:
    """Measure the same work with this number of extractors."""
    captures = 2 * (os.cpu_count() or 1)
    floor = [await bare.run(processes, captures * len(jpegs) // processes)]
    ours = [await loaded.run_captures(captures, jpegs)]
    against, floor_name = ("extractors", processes), "as many bare processes"
    return [
        BenchRow(f"extraction, {processes} extractors, {captures} captures: processor time a frame", _cpu_ms(ours),
            "ms", None, _cpu_ms(floor), floor_name, against=against),
        BenchRow("   …", _fps(ours), "frames/s", None, _fps(floor), floor_name, against=against),
    ]  # fmt: skip


def _fps(runs: Sequence[Run | BareRun]) -> float:
    return median([run.frames / run.elapsed_s for run in runs])


def _cpu_ms(runs: Sequence[Run | BareRun]) -> float:
    return median([1000 * run.cpu_s / run.frames for run in runs])
