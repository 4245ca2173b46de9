"""How the steps of a capture are run: again for as long as a broker is away or the artifacts' store refuses, and
only while the capture is ours."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from contracts.broker.roles import Broker
from contracts.broker.script import Call, run_sync
from contracts.process.retry import backoff_s
from contracts.rules.errors import ArtifactError, ArtifactTaken, BrokerUnavailable, FolderMissing
from contracts.state import captures
from workers.extract.heartbeat import FrameClock
from workers.extract.lease import Dispatch, Lease, Timing
from workers.metrics import ExtractorMetrics
from workers.vision.artifact import ArtifactStore
from workers.vision.pipelines.base import PipelineFactory

__all__ = ["Bench", "Steps", "Stopping"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bench:
    """What an extractor works with, capture after capture. ``stop`` is set when the process is to end."""

    frames: Broker
    events: Broker
    dispatch: Dispatch
    store: ArtifactStore
    make_pipeline: PipelineFactory
    timing: Timing = field(default_factory=Timing)
    clock: FrameClock = field(default_factory=FrameClock)
    stop: threading.Event = field(default_factory=threading.Event)
    metrics: ExtractorMetrics = field(default_factory=ExtractorMetrics)


class Stopping(Exception):
    """The process is to end, and this capture is not worth finishing."""


class Steps:
    """Runs the steps of one capture.

    Every method raises `LeaseLost` once the capture is another extractor's, and `Stopping` when a step that
    fails would have to be repeated while the process is to end.
    """

    def __init__(self, bench: Bench, lease: Lease, log: Any) -> None:
        self._bench = bench
        self._lease = lease
        self._log = log

    def call(self, call: Call[T]) -> T:
        """Run a script, which may be repeated."""
        broker = self._bench.frames if call.role == "frames" else self._bench.events
        return self.steadily(lambda: run_sync(broker, call))

    def fenced(self, call: Call[bool]) -> None:
        """Run a script that says whether the capture is still ours."""
        self._lease.own(self.call(call))

    def prove(self) -> None:
        """Ask the broker whether the capture is still ours."""
        self.fenced(captures.heartbeat(self._lease.capture_id, self._lease.token))

    def steadily(self, step: Callable[[], T]) -> T:
        """Repeat a step for as long as a broker is away."""
        attempt = 0
        while True:
            self._lease.check()
            try:
                return step()
            except BrokerUnavailable as error:
                self._log.warning("a step is repeated", detail=str(error), attempt=attempt)
                if self._bench.stop.is_set():
                    raise Stopping from error
            self._bench.stop.wait(backoff_s(attempt))
            attempt += 1

    def patiently(self, step: Callable[[], T]) -> T:
        """Repeat a step for as long as the artifacts' store is away or refuses, and ``patience_s`` lasts.

        Raises:
            ArtifactTaken, FolderMissing: at once.
            ArtifactError: patience is at its end.
        """
        give_up_s = time.monotonic() + self._bench.timing.patience_s
        attempt = 0
        while True:
            self.prove()
            try:
                return step()
            except (ArtifactTaken, FolderMissing):
                raise
            except ArtifactError as error:
                self._log.warning("the artifacts' store refuses", detail=str(error), attempt=attempt)
                if self._bench.stop.is_set():
                    raise Stopping from error
                if time.monotonic() >= give_up_s:
                    raise
            self._bench.stop.wait(backoff_s(attempt))
            attempt += 1
