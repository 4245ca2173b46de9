"""One claimed capture: its lease, and the steps that run only while this extractor holds the lease.

The pending dispatch entry is the lease, and the claim script's token proves it. If a lease is not renewed for
``lease_ms``, the next extractor that asks takes it over, and every older token is void from then on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from contracts.broker import keys
from contracts.broker.roles import Broker, Role, broker_errors
from contracts.broker.script import Call, run_sync
from contracts.process.retry import ANSWERED, Until, retry_sync
from contracts.rules.errors import ArtifactError, ArtifactTaken, FolderMissing, LeaseLost
from contracts.state import captures

__all__ = ["Lease", "Steps", "Timing", "hand_back_entry"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Timing:
    """Every interval of an extractor.

    Attributes:
        lease_ms: another extractor may take over a lease that was not renewed for so long.
        heartbeat_s: how often a lease is renewed.
        alive_s: how often the process writes its own heartbeat.
        poll_ms: how long to wait for a new capture before looking for an abandoned one.
        read_ms: how long one read waits for a frame.
        frame_deadline_s: if a frame takes longer, the process ends.
        quiet_s: if a gateway is silent for so long, it counts as lost.
        patience_s: how long a step is retried while the artifacts' store refuses.
        finish_s: how long the capture in hand may still take after the process was told to stop.
    """

    lease_ms: int = 5_000
    heartbeat_s: float = 1.0
    alive_s: float = 2.0
    poll_ms: int = 2_000
    read_ms: int = 1_000
    frame_deadline_s: float = 10.0
    quiet_s: float = 10.0
    patience_s: float = 60.0
    finish_s: float = 5.0


class Lease:
    """The lease of one capture. The job's thread and the heartbeat's may both call its methods."""

    def __init__(self, queue: str, dispatch_id: str, capture_id: str, token: str, *, consumer: str, lease_ms: int):
        self.queue = queue
        self.dispatch_id = dispatch_id
        self.capture_id = capture_id
        self.token = token
        self._consumer = consumer
        self._lease_ms = lease_ms
        self._lost = threading.Event()
        self._renewing = threading.Lock()
        self._dropped = False

    def check(self) -> None:
        """Return if this extractor still has the capture, as far as it knows.

        Raises:
            LeaseLost: a script has said that another extractor has it.
        """
        if self._lost.is_set():
            raise LeaseLost(f"capture {self.capture_id} is another extractor's now")

    def confirm(self, is_mine: bool) -> None:
        """Take in a fenced script's answer: false means that another extractor has the capture.

        Raises:
            LeaseLost: the answer is false, or an earlier one was.
        """
        if not is_mine:
            self._lost.set()
        self.check()

    def renew(self, broker: Broker) -> None:
        """Keep the capture's keys and the lease, unless it was dropped. If the lease is lost, only note that.

        Raises:
            BrokerUnavailable: the broker did not answer.
        """
        with self._renewing:
            if self._dropped or self._lost.is_set():
                return
            if not run_sync(broker, captures.heartbeat(self.capture_id, self.token)):
                self._lost.set()
                return
            with broker_errors("frames"):  # JUSTID: renewing is not a delivery
                broker.xclaim(self.queue, keys.EXTRACTOR_GROUP, self._consumer, 0, [self.dispatch_id], justid=True)

    def drop(self) -> None:
        """Return when no renewal is running; none happens afterwards."""
        with self._renewing:
            self._dropped = True

    def hand_back(self, broker: Broker) -> None:
        """Drop the lease, and let another extractor take the capture at once. May be repeated."""
        self.drop()
        hand_back_entry(broker, self.queue, self.dispatch_id, self._lease_ms)

    def acknowledge(self, broker: Broker) -> None:
        """Drop the lease, and remove the dispatch entry of a capture that has its outcome. May be repeated."""
        self.drop()
        run_sync(broker, captures.acknowledge(self.dispatch_id, self.queue))


def hand_back_entry(broker: Broker, shared_stream: str, dispatch_id: str, lease_ms: int) -> None:
    """Let another extractor take a dispatch entry at once. May be repeated."""
    with broker_errors("frames"):
        broker.xclaim(shared_stream, keys.EXTRACTOR_GROUP, keys.RELEASED, 0, [dispatch_id], idle=lease_ms, justid=True)


class Steps:
    """Runs the steps of one capture, and retries them while a broker is away or the artifacts' store refuses.

    Every method raises `LeaseLost` once another extractor has the capture, and `Stopped` if a step fails and would be
    retried after the process was told to stop.
    """

    def __init__(
        self, lease: Lease, brokers: Mapping[Role, Broker], patience_s: float, stop: threading.Event, log: Any
    ) -> None:
        self.lease = lease
        self._brokers = brokers
        self._patience_s = patience_s
        self._stop = stop
        self._log = log

    def call(self, call: Call[T]) -> T:
        """Run a script that may be repeated."""
        return self.retry(lambda: run_sync(self._brokers[call.role], call))

    def fenced(self, call: Call[bool]) -> None:
        """Run a script that returns whether this extractor still has the capture."""
        self.lease.confirm(self.call(call))

    def check_lease(self) -> None:
        """Ask the broker whether this extractor still has the capture."""
        self.fenced(captures.heartbeat(self.lease.capture_id, self.lease.token))

    def retry(self, step: Callable[[], T]) -> T:
        """Retry a step for as long as a broker is away."""

        def attempt() -> T:
            self.lease.check()
            return step()

        return self._retry(attempt, ANSWERED, "a step is repeated")

    def retry_store(self, step: Callable[[], T]) -> T:
        """Check the lease and run a step; retry it for ``patience_s`` seconds while the artifacts' store refuses.

        Raises:
            ArtifactTaken, FolderMissing: at once.
            ArtifactError: the store still refused after ``patience_s``.
        """

        def attempt() -> T:
            self.check_lease()
            return step()

        until = Until(ArtifactError, never=(ArtifactTaken, FolderMissing), failing_s=self._patience_s)
        return self._retry(attempt, until, "the artifacts' store refuses")

    def _retry(self, attempt: Callable[[], T], until: Until, event: str) -> T:
        def on_retry(error: Exception, delay_s: float) -> None:
            self._log.warning(event, detail=str(error), again_in_s=delay_s)

        return retry_sync(attempt, until=until, stop=self._stop, on_retry=on_retry)
