"""A fake gateway for the real-time lane, a live worker in this process, and pipelines that need no model."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis

from contracts.broker.keys import LIVE_SESSIONS, LIVE_WORKERS, live_outbox
from contracts.broker.script import run_sync
from contracts.messages.live import PipelineResult
from contracts.state import live
from contracts.state.live import Answer, LiveFrame, WorkerSlot
from tests.support.waiting import DEADLINE_S, wait_until
from tests.workers.broker_capture import FakePipeline
from workers.extract.heartbeat import FrameClock
from workers.live.sessions import LiveSessions
from workers.live.worker import LiveTiming, LiveWorker
from workers.vision.pipelines.base import Findings, Image, Pipeline

QUICK = LiveTiming(alive_s=0.05, read_ms=20, unused_s=30.0, frame_deadline_s=10.0, backoff_s=0.05)

HANGS, FAILS = 255, 1
"""The shade of a picture on which `shade_pipeline` hangs, or raises."""


class FakeGateway:
    """Puts frames into inboxes and takes answers."""

    def __init__(self, frames: redis.Redis, unique: str) -> None:
        self.frames = frames
        self.name = f"gateway-{unique}"

    def join(self, live_id: str) -> WorkerSlot:
        """Wait for a worker and join it."""
        return wait_until(lambda: run_sync(self.frames, live.join(live_id)))

    def send(self, place: WorkerSlot, payload: bytes, frame_index: int = 0, pipeline_id: str = "pose") -> None:
        frame = LiveFrame(place.live_id, frame_index, pipeline_id, self.name, payload)
        run_sync(self.frames, live.put_frame(place.worker, frame))

    def answers(self, count: int = 1, *, renewing: Sequence[WorkerSlot] = ()) -> list[Answer]:
        """Take the next answers out of the broker.

        The sessions in ``renewing`` are renewed until then: otherwise they lapse after 10 s and lose their tracking.
        """
        stream = live_outbox(self.name)

        def complete() -> bool:
            assert not renewing or run_sync(self.frames, live.renew(renewing)) == []
            return int(self.frames.xlen(stream)) >= count  # type: ignore[arg-type]

        wait_until(complete)
        entries: Any = self.frames.xrange(stream, count=count)
        run_sync(self.frames, live.drop(stream, [entry_id for entry_id, _ in entries]))
        return [Answer.decode(fields) for _, fields in entries]

    def ask(self, place: WorkerSlot, payload: bytes, frame_index: int = 0, pipeline_id: str = "pose") -> Answer:
        """Send one frame and wait for its answer. After a broker was away, earlier answers may be repeated."""
        self.send(place, payload, frame_index, pipeline_id)
        (answer,) = self.answers()
        while answer.frame_index < frame_index:
            (answer,) = self.answers()
        assert (answer.live_id, answer.frame_index) == (place.live_id, frame_index)
        return answer

    def leave(self, *places: WorkerSlot) -> None:
        self.frames.zrem(LIVE_SESSIONS, *(place.member for place in places))

    def workers(self) -> list[str]:
        """The workers that are listed."""
        names: Any = self.frames.zrange(LIVE_WORKERS, 0, -1)
        return [name.decode() for name in names]


def result_of(answer: Answer) -> PipelineResult:
    """The result in an answer, validated strictly."""
    assert answer.error is None, answer.text
    return PipelineResult.model_validate_json(answer.text)


def seen(answer: Answer) -> int:
    """How many frames the pipeline of this answer has seen; see `FakePipeline`."""
    return int(result_of(answer).landmarks["pose"][0][0])


class LocalWorker:
    """A live worker in this process, its dependencies, and every pipeline it made."""

    def __init__(
        self,
        frames: redis.Redis,
        name: str = "worker-1",
        *,
        timing: LiveTiming = QUICK,
        max_graphs: int = 16,
        make: Callable[[], FakePipeline] = FakePipeline,
    ) -> None:
        self.made: list[tuple[str, FakePipeline]] = []
        self.clock = FrameClock()
        self.stop = threading.Event()
        self.sessions = LiveSessions(max_graphs, self._make)
        self.worker = LiveWorker(frames, name, self.sessions, timing=timing, clock=self.clock, stop=self.stop)
        self._fake = make

    def _make(self, pipeline_id: str) -> Pipeline:
        pipeline = self._fake()
        self.made.append((pipeline_id, pipeline))
        return pipeline

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self.worker.run)
        thread.start()
        try:
            yield
        finally:
            self.stop.set()
            thread.join(DEADLINE_S)
            assert not thread.is_alive()


class ShadePipeline(FakePipeline):
    """Hangs on one shade of picture, and raises on another."""

    def process(self, image: Image) -> Findings:
        while image.mean() == HANGS:
            time.sleep(1)
        if image.mean() == FAILS:
            raise RuntimeError("graph failed")
        return super().process(image)


def shade_process(timing: LiveTiming, *arguments: Any) -> None:
    """`workers.live.process.live_process` with `ShadePipeline` for every pipeline, and no MediaPipe."""
    import workers.live.process

    workers.live.process.registry.make_pipeline = lambda _: ShadePipeline()
    workers.live.process.LiveTiming = lambda: timing  # type: ignore[misc, assignment]
    workers.live.process.live_process(*arguments)
