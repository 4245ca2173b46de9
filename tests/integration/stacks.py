"""The whole stack as a user runs it: real processes, MediaPipe, and brokers of one test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from contracts.broker.roles import AsyncBroker, connect
from contracts.messages.live import PipelineResult
from contracts.process.settings import Settings
from contracts.rules.limits import CaptureLimits
from contracts.rules.paths import session_log_path
from contracts.storage.artifacts import ArtifactSource
from recorder.verify import LogReport, verify_log
from scripts.client import CaptureClient, LiveEnded
from scripts.client.live import LiveStream
from scripts.clips.clip import Clip, ClipFrame
from scripts.stack.stack import Stack
from tests.conftest import BrokerPair
from tests.support.clips import face_clip

USER = "carer-1"
DEADLINE_S = 300.0
TOO_SLOW = "No worker answered in time."
"""What a client of the real-time lane is told if a worker takes over 10 s for a frame."""


@cache
def jpegs(count: int) -> list[bytes]:
    """Frames with a real face in them."""
    return face_clip(count)


class FaceClip(Clip):
    """``count`` frames at 15 a second of event time."""

    width, height, fps_target = 640, 480, 15

    def __init__(self, count: int) -> None:
        self.name = f"{count} faces"
        self.expected_frames = count

    def frames(self) -> Iterator[ClipFrame]:
        for index, jpeg in enumerate(jpegs(self.expected_frames)):
            yield ClipFrame(round(1000 * index / 15), jpeg)


class Running:
    """A running stack, a client of it, its two brokers, and the lines that its parts have logged."""

    def __init__(
        self, stack: Stack, gateway: CaptureClient, frames: AsyncBroker, events: AsyncBroker, said: list[str]
    ) -> None:
        self.stack = stack
        self.gateway = gateway
        self.frames = frames
        self.events = events
        self.said = said

    def verify(self, session_id: str) -> LogReport:
        settings = self.stack.settings
        return verify_log(session_log_path(settings.log_root, USER, session_id), ArtifactSource.of(settings))

    async def status(self, capture_id: str) -> dict[str, Any]:
        report = await self.gateway.capture(capture_id)
        return report.model_dump(mode="json", exclude_none=True) if report is not None else {}


def settings_for(brokers: BrokerPair, folder: Path, **limits: Any) -> Settings:
    return Settings(
        data_root=folder / "data",
        log_root=folder / "logs",
        state_dir=folder / "state",
        frames_url=SecretStr(brokers.frames.url),
        events_url=SecretStr(brokers.events.url),
        port=0,
        capture=CaptureLimits(**limits),
    )


@asynccontextmanager
async def running(
    settings: Settings, *, extractors: int = 1, recorders: int = 1, live: int = 0, gateways: int = 1
) -> AsyncIterator[Running]:
    """A stack that is ready; stopped cleanly on the way out. What its parts said is shown if the test fails."""
    said: list[str] = []

    def show(name: str, line: str) -> None:
        said.append(f"{name} | {line}")

    stack = Stack(settings, extractors=extractors, recorders=recorders, live=live, gateways=gateways, show=show)
    try:
        async with stack:
            await stack.ready(DEADLINE_S)
            frames_url, events_url = stack.urls
            frames, events = connect(frames_url), connect(events_url)
            try:
                async with CaptureClient(stack.address) as gateway:
                    yield Running(stack, gateway, frames, events, said)
            finally:
                await frames.aclose()
                await events.aclose()
    finally:
        print("\n".join(said))


@asynccontextmanager
async def answered_live(
    client: CaptureClient, pipeline_id: str, jpeg: bytes
) -> AsyncIterator[tuple[LiveStream, PipelineResult]]:
    """A live stream and its answer to ``jpeg``. On a busy machine a worker may be too late for the first pictures; then
    the client connects again, as it is told."""
    while True:
        async with client.live(pipeline_id) as live:
            try:
                answer = await live.ask(jpeg)
            except LiveEnded as ended:
                assert ended.detail == TOO_SLOW, ended
                continue
            assert answer is not None
            yield live, answer
            return
