"""Several processes of one gateway: they share the port, its metrics, and the numbers that limits need.

The parent opens the port and watches the processes. It answers no request, and loads no application.
"""

from __future__ import annotations

import multiprocessing
import socket
from ctypes import Array, c_double
from pathlib import Path

from contracts.process.listeners import open_listeners
from contracts.process.loading import loading
from contracts.process.metrics import keep_metrics_in, mark_dead, shared_folder
from contracts.process.open_files import allow_many_files
from contracts.process.pool import Pool
from contracts.process.settings import Settings, load_settings
from contracts.process.stop_signals import stop_signals
from gateway.counts import ProcessCounts, row_length
from gateway.monitoring.published import count_deaths

__all__ = ["run_pool"]

KIND = "gateway"


def run_pool(processes: int) -> int:
    """Listen, and keep so many processes until a signal. Returns the exit code.

    Raises:
        ConfigurationError: a setting is wrong, or the port is taken.
        ProcessFailed: a process ended with a fatal error.
    """
    settings = load_settings()
    settings.broker_urls()
    allow_many_files()
    listeners = open_listeners(settings.host, settings.port, "A3CP_PORT")
    numbers = multiprocessing.get_context("spawn").RawArray(c_double, row_length(processes))
    with stop_signals() as stop_descriptor, shared_folder("--processes") as folder:
        watch = _Watch(folder, [ProcessCounts(numbers, index) for index in range(processes)])
        Pool(
            {KIND: gateway_process}, processes, settings, listeners, numbers, folder,
            on_death=watch.note_death, is_hung=watch.is_hung, on_stop=lambda: _close(listeners),
        ).run(stop_descriptor)  # fmt: skip
    return 0


def _close(listeners: list[socket.socket]) -> None:
    """Let the port go with the last process that has it open."""
    for listener in listeners:
        listener.close()


class _Watch:
    """What the parent knows of its processes, by their names in the pool."""

    def __init__(self, folder: Path, counts: list[ProcessCounts]) -> None:
        self._folder = folder
        self._counts = counts
        keep_metrics_in(folder, f"{KIND}-parent")
        self._deaths = count_deaths(None)

    def is_hung(self, name: str) -> bool:
        """Whether this process's event loop no longer turns."""
        return self._counts[_index(name)].is_hung()

    def note_death(self, _kind: str, name: str) -> None:
        """Forget what this process had, and count its death."""
        self._counts[_index(name)].clear()
        mark_dead(self._folder, name)
        self._deaths.inc()


def _index(name: str) -> int:
    return int(name.removeprefix(f"{KIND}-")) - 1


def gateway_process(settings: Settings, listeners: list[socket.socket], numbers: Array[c_double], folder: Path) -> None:
    """Be one process of the gateway; the pool's target. Raises ``SystemExit`` with the exit code."""
    with loading():
        from gateway.process import run_in_pool

    name = multiprocessing.current_process().name
    run_in_pool(name, settings, listeners, ProcessCounts(numbers, _index(name)), folder)
