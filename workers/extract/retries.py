"""Run the steps of one capture: retried while a broker is away or the artifacts' store refuses, and only while this
extractor has the capture."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from contracts.broker.roles import Broker
from contracts.broker.script import Call, run_sync
from contracts.process.retry import ANSWERED, Until, retry_sync
from contracts.rules.errors import ArtifactError, ArtifactTaken, FolderMissing
from contracts.state import captures
from workers.extract.heartbeat import FrameClock
from workers.extract.lease import Dispatch, Lease, Timing
from workers.metrics import ExtractorMetrics
from workers.vision.artifact import ArtifactStore
from workers.vision.pipelines.base import PipelineFactory

__all__ = ["Dependencies", "Steps"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Dependencies:
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


class Steps:
    """Runs the steps of one capture.

    Every method raises `LeaseLost` once the capture is another extractor's, and `Stopped` if a step fails and would be
    retried after the process was told to stop.
    """

    def __init__(self, dependencies: Dependencies, lease: Lease, log: Any) -> None:
        self._dependencies = dependencies
        self._lease = lease
        self._log = log

    def call(self, call: Call[T]) -> T:
        """Run a script, which may be repeated."""
        broker = self._dependencies.frames if call.role == "frames" else self._dependencies.events
        return self.retry(lambda: run_sync(broker, call))

    def fenced(self, call: Call[bool]) -> None:
        """Run a script that says whether the capture is still ours."""
        self._lease.confirm(self.call(call))

    def check_lease(self) -> None:
        """Ask the broker whether the capture is still ours."""
        self.fenced(captures.heartbeat(self._lease.capture_id, self._lease.token))

    def retry(self, step: Callable[[], T]) -> T:
        """Retry a step for as long as a broker is away."""

        def attempt() -> T:
            self._lease.check()
            return step()

        return self._retry(attempt, ANSWERED, "a step is repeated")

    def retry_store(self, step: Callable[[], T]) -> T:
        """Retry a step while the artifacts' store is away or refuses, for ``patience_s`` seconds.

        Raises:
            ArtifactTaken, FolderMissing: at once.
            ArtifactError: the store still refused after ``patience_s``.
        """

        def attempt() -> T:
            self.check_lease()
            return step()

        until = Until(
            ArtifactError, never=(ArtifactTaken, FolderMissing), failing_s=self._dependencies.timing.patience_s
        )
        return self._retry(attempt, until, "the artifacts' store refuses")

    def _retry(self, attempt: Callable[[], T], until: Until, event: str) -> T:
        def on_retry(error: Exception, delay_s: float) -> None:
            self._log.warning(event, detail=str(error), again_in_s=delay_s)

        return retry_sync(attempt, until=until, stop=self._dependencies.stop, on_retry=on_retry)
