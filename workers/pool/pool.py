"""The pool: starts worker processes, starts them again when they die, and stops them.

The parent never loads MediaPipe, and its processes are spawned: MediaPipe aborts after a fork.
"""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from typing import Any

from contracts.process.logs import get_logger
from contracts.process.retry import backoff_s
from contracts.process.settings import only_harmless_environment
from contracts.rules.errors import BrokerMisconfigured, ConfigurationError, FatalError

__all__ = ["Pool", "WorkerFailed"]

STOP_GRACE_S = 9.0
"""How long the processes get to finish or hand back what they have in hand."""

HEALTHY_S = 30.0
"""A process that lived so long did not die of its start: the backoff begins anew."""

FATAL_CODES = frozenset({ConfigurationError.exit_code, BrokerMisconfigured.exit_code})

Target = Callable[..., None]

log = get_logger()


class WorkerFailed(FatalError):
    """A process of the pool ended with the exit code of a fatal error."""

    def __init__(self, kind: str, exit_code: int) -> None:
        super().__init__(kind, exit_code)
        self.kind = kind
        self.exit_code = exit_code

    def __str__(self) -> str:
        return f"the {self.kind} cannot go on; its own line says why"


@dataclass(slots=True)
class _Place:
    """One place in the pool, what is to run there, and the process that does."""

    kind: str
    name: str
    target: Target
    process: SpawnProcess | None = None
    started_s: float = 0.0
    failures: int = 0
    start_at_s: float = 0.0

    def note_death(self, now_s: float) -> float:
        """Plan the next start; returns in how many seconds."""
        if now_s - self.started_s >= HEALTHY_S:
            self.failures = 0
        delay_s = backoff_s(self.failures)
        self.failures += 1
        self.start_at_s = now_s + delay_s
        self.process = None
        return delay_s


class Pool:
    """``processes`` processes of each kind: they run ``targets[kind](*arguments)``, which must be picklable.

    Each has its place's name (``extractor-1``), and so has the next one there; ``on_death`` is told
    which kind died at which place.
    """

    def __init__(
        self,
        targets: Mapping[str, Target],
        processes: int,
        *arguments: Any,
        on_death: Callable[[str, str], None] | None = None,
    ) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._places = [
            _Place(kind, f"{kind.replace(' ', '-')}-{number}", target)
            for kind, target in targets.items()
            for number in range(1, processes + 1)
        ]
        self._arguments = arguments
        self._on_death = on_death

    def run(self, stop_descriptor: int) -> None:
        """Keep every place taken until ``stop_descriptor`` is readable; then stop them all.

        Raises:
            WorkerFailed: a process ended because it cannot go on, nor could the next one; it has said why.
        """
        try:
            while True:
                self._fill()
                if stop_descriptor in wait([stop_descriptor, *self._sentinels()], self._seconds_to_next_start()):
                    return
                self._bury()
        finally:
            self._stop()

    def _fill(self) -> None:
        for place in self._places:
            if place.process is None and time.monotonic() >= place.start_at_s:
                place.process = self._start(place)
                place.started_s = time.monotonic()

    def _start(self, place: _Place) -> SpawnProcess:
        process = self._context.Process(target=place.target, name=place.name, args=self._arguments)
        # inherited: Ctrl-C during a child's start would print a traceback; the child takes SIGINT back itself, and
        # until then our SIGTERM ends it. Blocked, not ignored: one that comes for us meanwhile is not lost.
        with only_harmless_environment():  # it is no process of ours: others of this user can read its environment
            resource_tracker.ensure_running()  # it unblocks SIGINT when it starts
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        return process

    def _sentinels(self) -> list[int]:
        return [place.process.sentinel for place in self._places if place.process is not None]

    def _seconds_to_next_start(self) -> float | None:
        starts = [place.start_at_s for place in self._places if place.process is None]
        return max(0.0, min(starts) - time.monotonic()) if starts else None

    def _bury(self) -> None:
        for place in self._places:
            if place.process is not None and not place.process.is_alive():
                pid, code = place.process.pid, place.process.exitcode
                delay_s = place.note_death(time.monotonic())
                if self._on_death is not None:
                    self._on_death(place.kind, place.name)
                if code in FATAL_CODES:
                    raise WorkerFailed(place.kind, code)
                log.error(f"{place.kind} process ended", pid=pid, exit_code=code, again_in_s=delay_s)

    def _stop(self) -> None:
        running = [(place.kind, place.process) for place in self._places if place.process is not None]
        for _, process in running:
            process.terminate()
        give_up_s = time.monotonic() + STOP_GRACE_S
        for kind, process in running:
            process.join(max(0.0, give_up_s - time.monotonic()))
            if process.is_alive():
                log.error(f"{kind} process killed", pid=process.pid)
                process.kill()
                process.join()
