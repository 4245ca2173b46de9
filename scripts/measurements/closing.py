"""Measure the time from the close of a capture to its line in the session's log."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from contracts.messages.base import BaseMessage
from contracts.messages.capture import CaptureClose, CaptureOpen, FrameMeta
from contracts.rules.ids import SCHEMA_VERSION
from contracts.rules.paths import session_log_path
from scripts.client import CaptureClient
from scripts.measurements.bare import BareLoop, bare_loop
from scripts.measurements.clips import clip
from scripts.measurements.rows import BenchRow, median, percentile

__all__ = ["CAPTURE_FRAMES", "FPS", "CameraMessages", "measure_closing", "record"]

FPS = 15
CAPTURE_FRAMES = 15
CAPTURES = 30
BARE_FRAMES = 5
WARM_UP_CAPTURES = 2
POLL_S = 0.001
GIVE_UP_S = 30.0


async def measure_closing(gateway: CaptureClient, log_root: Path, hands: str) -> list[BenchRow]:
    """Send captures of one camera one after the other, each closed right after its last frame. The wait then includes
    that frame's decode and inference. Between captures the bare loop processes frames at the same pace. ``hands`` names
    the clip."""
    user_id = f"bench-{uuid4()}"
    session_id = await gateway.start_session(user_id)
    log = session_log_path(log_root, user_id, session_id)
    wait_ms: list[float] = []
    frame_ms: list[float] = []
    frames = itertools.cycle(clip(hands))
    with bare_loop("holistic") as bare:
        for number in range(WARM_UP_CAPTURES + CAPTURES):
            pictures = list(itertools.islice(frames, CAPTURE_FRAMES))
            took_ms = await record(gateway, CameraMessages(user_id, session_id), pictures, log)
            floor_ms = await _paced(bare, pictures[:BARE_FRAMES])
            if number >= WARM_UP_CAPTURES:
                wait_ms.append(took_ms)
                frame_ms += floor_ms
    floor, floor_name = median(frame_ms), "decode + inference of one frame"
    name = f"close → recorded, one capture at 15 a second, {hands}"
    return [
        BenchRow(f"{name}, p50", median(wait_ms), "ms", 1.5, floor, floor_name),
        BenchRow(f"{name}, p99", percentile(wait_ms, 0.99), "ms", 3, floor, floor_name),
    ]


async def record(
    gateway: CaptureClient, camera: CameraMessages, pictures: Sequence[bytes], log: Path, *, fps: float = FPS
) -> float:
    """Send one capture, ``fps`` frames a second; returns the milliseconds from sending the close to the line in the
    log."""
    size = _bytes(log)
    async with gateway.capture_socket() as socket:
        await socket.send(camera.open())
        began_s = time.perf_counter()
        for seq, jpeg in enumerate(pictures, 1):
            await asyncio.sleep(max(0.0, began_s + (seq - 1) / fps - time.perf_counter()))
            await socket.send(camera.frame(seq, jpeg))
            await socket.send(jpeg)
        await socket.send(camera.close(len(pictures)))
        closed_s = time.perf_counter()
        async with asyncio.timeout(GIVE_UP_S):
            while _bytes(log) == size:  # noqa: ASYNC110 - another process writes the file
                await asyncio.sleep(POLL_S)
        return 1000 * (time.perf_counter() - closed_s)


def _bytes(log: Path) -> int:
    return log.stat().st_size


async def _paced(bare: BareLoop, pictures: Sequence[bytes]) -> list[float]:
    took_ms = []
    for picture in pictures:
        began_s = time.perf_counter()
        took_ms.append(await bare.once(picture))
        await asyncio.sleep(max(0.0, began_s + 1 / FPS - time.perf_counter()))
    return took_ms


class CameraMessages:
    """The messages of a client during one capture."""

    def __init__(self, user_id: str, session_id: str) -> None:
        self._names = {
            "schema_version": SCHEMA_VERSION,
            "user_id": user_id,
            "session_id": session_id,
            "capture_id": str(uuid4()),
        }
        self._start = datetime.now(UTC).replace(microsecond=0)

    def open(self) -> str:
        return _text(
            CaptureOpen(
                **self._base(0), event="capture.open", timestamp_start=self._start, fps_target=FPS, width=640,
                height=480, encoding="jpeg",
            )
        )  # fmt: skip

    def frame(self, seq: int, jpeg: bytes) -> str:
        at = self._at(seq - 1)
        return _text(
            FrameMeta(
                **self._base(seq - 1), event="capture.frame_meta", seq=seq, timestamp_frame=at, byte_length=len(jpeg)
            )
        )

    def close(self, frames: int) -> str:
        return _text(CaptureClose(**self._base(frames), event="capture.close", timestamp_end=self._at(frames)))

    def _at(self, frames: int) -> datetime:
        return self._start + timedelta(seconds=frames / FPS)

    def _base(self, frames: int) -> dict[str, Any]:
        return {**self._names, "record_id": str(uuid4()), "timestamp": self._at(frames)}


def _text(message: BaseMessage) -> str:
    return message.model_dump_json(exclude_none=True)
