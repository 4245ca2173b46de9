"""The pool: starts processes that do the same work, starts them again when they die, and stops them.

The processes are spawned, not forked: MediaPipe aborts after a fork.
"""

from __future__ import annotations

import multiprocessing
import os
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
from contracts.process.run import FATAL_EXIT_CODES
from contracts.process.settings import only_harmless_environment
from contracts.rules.errors import FatalError

__all__ = ["Pool", "ProcessFailed"]

STOP_GRACE_S = 9.0
"""How long the processes have to finish, hand back or abort their captures."""

BOUNCE_S = 0.5
"""Two stop signals within this time count as one: `timeout` and some service managers send theirs twice."""

LOOK_S = 1.0
"""How often the pool asks whether a process hangs, in seconds."""

CONFIRM_S = 5.0
"""For how long a process must be found hanging before it is killed, in seconds. If the whole machine was paused, all
seem to hang at first."""

HEALTHY_S = 30.0
"""If a process lived so long, its start was not the fault: the backoff begins again at 0.1 s. While such a process
lives, the fatal error of another one does not end the pool."""

Target = Callable[..., None]

log = get_logger()


class ProcessFailed(FatalError):
    """A process of the pool ended with the exit code of a fatal error."""

    def __init__(self, kind: str, exit_code: int) -> None:
        super().__init__(kind, exit_code)
        self.kind = kind
        self.exit_code = exit_code

    def __str__(self) -> str:
        return f"the {self.kind} cannot go on; its own line says why"


@dataclass(slots=True)
class _Slot:
    """One slot of the pool: which target runs there, and in which process."""

    kind: str
    name: str
    target: Target
    process: SpawnProcess | None = None
    started_s: float = 0.0
    failures: int = 0
    start_at_s: float = 0.0
    hung_since_s: float | None = None

    def hangs(self, found: bool, now_s: float) -> bool:
        """Note whether the process was found hanging now; returns whether it was so for `CONFIRM_S`."""
        if not found:
            self.hung_since_s = None
        elif self.hung_since_s is None:
            self.hung_since_s = now_s
        return self.hung_since_s is not None and now_s - self.hung_since_s >= CONFIRM_S

    def note_death(self, now_s: float) -> float:
        """Plan the next start; returns in how many seconds."""
        if now_s - self.started_s >= HEALTHY_S:
            self.failures = 0
        delay_s = backoff_s(self.failures)
        self.failures += 1
        self.start_at_s = now_s + delay_s
        self.process = self.hung_since_s = None
        return delay_s


class Pool:
    """``processes`` processes of each kind: they run ``targets[kind](*arguments)``, which must be picklable.

    Each has its slot's name (``extractor-1``), and so has the process that replaces it.

    Args:
        on_death: called with the kind and the slot's name of a process that died.
        is_hung: asked every second about each process, by its slot's name. One that hangs is killed, and started again.
        on_stop: called once when the pool begins to stop, before its processes are told.
    """

    def __init__(
        self,
        targets: Mapping[str, Target],
        processes: int,
        *arguments: Any,
        on_death: Callable[[str, str], None] | None = None,
        is_hung: Callable[[str], bool] | None = None,
        on_stop: Callable[[], None] = lambda: None,
    ) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._slots = [
            _Slot(kind, f"{kind.replace(' ', '-')}-{number}", target)
            for kind, target in targets.items()
            for number in range(1, processes + 1)
        ]
        self._arguments = arguments
        self._on_death = on_death
        self._is_hung = is_hung
        self._on_stop = on_stop

    def run(self, stop_descriptor: int) -> None:
        """Keep a process in every slot until ``stop_descriptor`` is readable; then stop them all. If more can be read
        from it meanwhile, `BOUNCE_S` later or more, kill them.

        Raises:
            ProcessFailed: a process ended with a fatal error, which it has logged, and none of its kind has worked for
                `HEALTHY_S`: the next one would end alike.
        """
        try:
            while True:
                self._fill()
                if stop_descriptor in wait([stop_descriptor, *self._sentinels()], self._seconds_to_next_look()):
                    return
                self._note_deaths()
                self._kill_hung()
        finally:
            self._on_stop()
            self._stop(stop_descriptor)

    def _fill(self) -> None:
        for slot in self._slots:
            if slot.process is None and time.monotonic() >= slot.start_at_s:
                slot.process = self._start(slot)
                slot.started_s = time.monotonic()

    def _start(self, slot: _Slot) -> SpawnProcess:
        process = self._context.Process(target=slot.target, name=slot.name, args=self._arguments)
        # the child inherits this: Ctrl-C during its start would print a traceback. It unblocks SIGINT itself, and until
        # then the pool's SIGTERM ends it. Blocked and not ignored, so that a SIGINT for the pool is not lost meanwhile.
        with only_harmless_environment():  # other processes of this user can read the tracker's environment
            resource_tracker.ensure_running()  # starting the tracker unblocks SIGINT
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        return process

    def _sentinels(self) -> list[int]:
        return [slot.process.sentinel for slot in self._slots if slot.process is not None]

    def _seconds_to_next_look(self) -> float | None:
        looks = [slot.start_at_s - time.monotonic() for slot in self._slots if slot.process is None]
        if self._is_hung is not None:
            looks.append(LOOK_S)
        return max(0.0, min(looks)) if looks else None

    def _kill_hung(self) -> None:
        for slot in self._slots:
            if self._is_hung is None or slot.process is None:
                continue
            if slot.hangs(self._is_hung(slot.name), time.monotonic()):
                log.error(f"{slot.kind} process hangs and is killed", pid=slot.process.pid)
                slot.process.kill()
                slot.process.join()

    def _note_deaths(self) -> None:
        for slot in self._slots:
            if slot.process is not None and not slot.process.is_alive():
                pid, code = slot.process.pid, slot.process.exitcode
                delay_s = slot.note_death(time.monotonic())
                if self._on_death is not None:
                    self._on_death(slot.kind, slot.name)
                if code in FATAL_EXIT_CODES and not self._works(slot.kind):
                    raise ProcessFailed(slot.kind, code)
                log.error(f"{slot.kind} process ended", pid=pid, exit_code=code, again_in_s=delay_s)

    def _works(self, kind: str) -> bool:
        """Whether a process of this kind has been healthy for a while. Then a file that the settings name has changed
        since. The healthy process keeps what it has read, and must not end because another one cannot start meanwhile.
        """
        now_s = time.monotonic()
        return any(
            slot.kind == kind and slot.process is not None and now_s - slot.started_s >= HEALTHY_S
            for slot in self._slots
        )

    def _stop(self, stop_descriptor: int) -> None:
        running = [(slot.kind, slot.process) for slot in self._slots if slot.process is not None]
        for _, process in running:
            process.terminate()
        stopping_s = time.monotonic()
        while alive := [process.sentinel for _, process in running if process.is_alive()]:
            left_s = stopping_s + STOP_GRACE_S - time.monotonic()
            if left_s <= 0:
                break
            if stop_descriptor in wait([stop_descriptor, *alive], left_s):
                os.read(stop_descriptor, 1024)
                if time.monotonic() - stopping_s >= BOUNCE_S:
                    break
        for kind, process in running:
            if process.is_alive():
                log.error(f"{kind} process killed", pid=process.pid)
                process.kill()
            process.join()
