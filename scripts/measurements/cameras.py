"""Measure several cameras at once: an extractor with two of them beside two extractors with one each."""

from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict
from pathlib import Path
from uuid import uuid4

from contracts.broker.keys import EXTRACTORS
from contracts.process.settings import Settings
from contracts.rules.paths import session_log_path
from scripts.client import CaptureClient
from scripts.measurements.backlog import Backlog
from scripts.measurements.clips import TWO_HANDS, clip
from scripts.measurements.closing import FPS, CameraMessages, record
from scripts.measurements.rows import BenchRow, percentile
from scripts.measurements.stacks import running

__all__ = ["extract_at_once", "measure_cameras"]

ROUNDS = 2
SLOW_FPS = 5.0
TAKES = 4
TAKE_S = 4
"""Takes of a camera, one after the other, and the length of each: so long that the wait for an extractor is over."""


async def measure_cameras(settings: Settings, cores: int) -> list[BenchRow]:
    """Measure the time from a capture's close to its line in the log, with two cameras for each core. The extractors
    are as many as cores, with two captures each; the floor is as many as cameras, with one each. Both run in turns."""
    cameras = 2 * cores
    few, many = (cores, 2), (cameras, 1)
    waits_ms: dict[tuple[int, int], list[float]] = defaultdict(list)
    for _ in range(ROUNDS):
        for extractors, captures in (few, many):
            waits_ms[extractors, captures] += await _waits_ms(settings, cameras, extractors, captures)
    name = f"close → recorded, {cameras} cameras, {cores} extractors of 2 captures, {TWO_HANDS}"
    floor_name = f"{cameras} extractors of 1 capture"
    return [
        BenchRow(f"{name}, {text}", percentile(waits_ms[few], share), "ms", None, percentile(waits_ms[many], share),
            floor_name)
        for text, share in (("p50", 0.5), ("p99", 0.99))
    ]  # fmt: skip


async def _waits_ms(settings: Settings, cameras: int, extractors: int, captures: int) -> list[float]:
    settings = settings.model_copy(update={"extractor_captures": captures})
    async with running(settings, extractors=extractors) as (stack, gateway), Backlog.of(stack, gateway) as backlog:
        while await backlog.frames.zcard(EXTRACTORS) < extractors:  # noqa: ASYNC110 - /readyz needs one, this needs all
            await asyncio.sleep(0.05)
        started = (_takes(gateway, settings.log_root, number / cameras) for number in range(cameras))
        return list(itertools.chain(*await asyncio.gather(*started)))


async def extract_at_once(gateway: CaptureClient, settings: Settings, cameras: int) -> None:
    """Send one capture of each of so many cameras at the same time, and wait until they are recorded. They are slow, so
    that an extractor has time for all of them."""
    slow = (_takes(gateway, settings.log_root, number / cameras, takes=1, fps=SLOW_FPS) for number in range(cameras))
    await asyncio.gather(*slow)


async def _takes(
    gateway: CaptureClient, log_root: Path, begin_s: float, *, takes: int = TAKES, fps: float = FPS
) -> list[float]:
    """Send the takes of one camera; returns for each how long its close took to be recorded, in milliseconds."""
    user_id = f"bench-{uuid4()}"
    session_id = await gateway.start_session(user_id)
    log = session_log_path(log_root, user_id, session_id)
    pictures = clip(TWO_HANDS)[: TAKE_S * FPS]
    await asyncio.sleep(begin_s)  # cameras do not begin in the same moment
    return [await record(gateway, CameraMessages(user_id, session_id), pictures, log, fps=fps) for _ in range(takes)]
