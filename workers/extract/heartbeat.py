"""The two threads beside an extractor's work: one renews the lease and writes the process's heartbeat, one ends the
process if a frame takes too long."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry

from contracts.broker.roles import Broker
from contracts.broker.script import run_sync
from contracts.process.background import BackgroundErrors
from contracts.process.logs import flush_logs, get_logger, write_last_line
from contracts.rules.errors import BrokerUnavailable, FatalError, UnreadableValue
from contracts.state import heartbeats
from workers.extract.dispatch import forget_consumer
from workers.extract.fair_lock import FairLock
from workers.extract.lease import Lease, Timing

__all__ = ["FrameClock", "Heartbeat", "Watchdog", "end_for_good", "end_process"]

WATCH_S = 0.5
STUCK_EXIT_CODE = 75

log = get_logger()


class FrameClock:
    """Gives the threads of a process their turns, a frame each, and measures how long the current frame has taken."""

    def __init__(self) -> None:
        self._turns = FairLock()
        self._started_s: float | None = None
        self._busy_s = 0.0
        self._thread = 0
        self._last_steps: list[Callable[[], object]] = []

    @contextmanager
    def ending_with(self, step: Callable[[], object]) -> Iterator[None]:
        """While this context is active, the watchdog runs ``step``, in its own thread, before it ends the process."""
        self._last_steps.append(step)
        try:
            yield
        finally:
            self._last_steps.remove(step)

    def before_the_end(self) -> None:
        """Run the last steps. Their errors are logged, not raised."""
        for step in list(self._last_steps):
            try:
                step()
            except Exception as error:
                log.warning("the process ends without its last step", exc_info=error)

    @contextmanager
    def frame(self) -> Iterator[None]:
        """Wait for this thread's turn, then count the time inside this context as a frame's."""
        with self._turns.turn():
            self._thread = threading.get_ident()
            self._started_s = time.monotonic()
            try:
                yield
            finally:
                self._busy_s += self.elapsed_s()
                self._started_s = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Do not count the time inside this context."""
        started_s, self._started_s = self._started_s, None
        paused_s = time.monotonic()
        try:
            yield
        finally:
            if started_s is not None:
                self._started_s = started_s + time.monotonic() - paused_s

    def elapsed_s(self) -> float:
        """Seconds since the current frame began; 0 between frames."""
        started_s = self._started_s
        return 0.0 if started_s is None else time.monotonic() - started_s

    def is_turn_of(self, thread: int) -> bool:
        """Whether the current frame is this thread's, or the last one was if there is none."""
        return self._thread == thread

    def busy_s(self) -> float:
        """Seconds that all frames so far have taken, the current one included."""
        return self._busy_s + self.elapsed_s()


def end_for_good(error: FatalError) -> None:
    """End this process at once, and with it the pool. Other extractors take over its captures."""
    write_last_line(f"a3cp extractor: {error}")
    os._exit(error.exit_code)  # sys.exit would end this thread only, and the main thread may be blocked


class Heartbeat(threading.Thread):
    """Renews the leases in hand and writes the process's heartbeat, over its own connection.

    It renews none once a frame is over its deadline: the captures must go to another extractor even if this process
    cannot end itself. Those that wait for their turn meanwhile would wait for it in vain.
    """

    def __init__(
        self,
        broker: Broker,
        consumer: str,
        timing: Timing,
        clock: FrameClock,
        *,
        on_fatal: Callable[[FatalError], None] = end_for_good,
        errors: BackgroundErrors | None = None,
    ) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._broker = broker
        self._consumer = consumer
        self._timing = timing
        self._clock = clock
        self._on_fatal = on_fatal
        self._errors = errors or BackgroundErrors(CollectorRegistry(), ["heartbeat"])
        self._leases: list[Lease] = []
        self._alive_at_s = 0.0
        self._away = False
        self._ended = threading.Event()

    @contextmanager
    def holding(self, lease: Lease) -> Iterator[None]:
        """Renew ``lease`` while this context is active."""
        self._leases.append(lease)
        try:
            yield
        finally:
            lease.drop()
            self._leases.remove(lease)

    def run(self) -> None:
        """Call `beat` until `end`. If the broker is away, the next beat tries again."""
        while not self._ended.is_set():
            try:
                self.beat()
                self._away = False
            except BrokerUnavailable as error:
                if not self._away:
                    log.warning("no heartbeat", detail=str(error))
                self._away = True
            except FatalError as error:
                self._on_fatal(error)
            except Exception as error:  # go on: without this thread every lease is lost
                self._errors.note("heartbeat", error)
            self._ended.wait(self._timing.heartbeat_s)

    def beat(self) -> None:
        """Renew the leases, and write the heartbeat if it is due.

        Raises:
            BrokerUnavailable: the broker did not answer.
        """
        away = None
        for lease in list(self._leases):
            try:
                if self._clock.elapsed_s() <= self._timing.frame_deadline_s:
                    lease.renew(self._broker)
            except UnreadableValue as error:  # one capture's state; the process's heartbeat is written all the same
                self._errors.note("heartbeat", error)
            except BrokerUnavailable as error:  # of a cluster, it may be one capture's master alone
                away = error
        if away is not None:
            raise away
        if time.monotonic() >= self._alive_at_s:
            for silent in run_sync(self._broker, heartbeats.alive(self._consumer)):
                forget_consumer(self._broker, silent)
            self._alive_at_s = time.monotonic() + self._timing.alive_s

    def end(self) -> None:
        """Make `run` return."""
        self._ended.set()


def end_process(elapsed_s: float) -> None:
    """End this process at once. The pool starts another, and an extractor takes over the capture."""
    log.error("a frame takes too long, the process ends itself", elapsed_s=round(elapsed_s, 1))
    flush_logs()
    os._exit(STUCK_EXIT_CODE)  # a thread is stuck in native code, so sys.exit would not end the process


class Watchdog(threading.Thread):
    """Calls ``on_stuck`` once a frame is over its deadline, and ``on_orphaned`` once ``is_orphan`` is true: the parent
    process is gone. Uses no broker, so that no broker delays it."""

    def __init__(
        self,
        clock: FrameClock,
        frame_deadline_s: float,
        *,
        is_orphan: Callable[[], bool],
        on_orphaned: Callable[[], None],
        on_stuck: Callable[[float], None] = end_process,
    ) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._clock = clock
        self._frame_deadline_s = frame_deadline_s
        self._is_orphan = is_orphan
        self._on_orphaned = on_orphaned
        self._on_stuck = on_stuck
        self._ended = threading.Event()

    def run(self) -> None:
        """Watch until `end`."""
        while not self._ended.wait(WATCH_S):
            if (elapsed_s := self._clock.elapsed_s()) > self._frame_deadline_s:
                self._clock.before_the_end()
                self._on_stuck(elapsed_s)
            if self._is_orphan():
                self._on_orphaned()

    def end(self) -> None:
        """Make `run` return."""
        self._ended.set()
