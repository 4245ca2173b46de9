"""What every process of the pool does: start, stop at a signal, and watch its frames and its parent."""

from __future__ import annotations

import ctypes
import locale
import multiprocessing
import os
import secrets
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import NoReturn

import numpy as np

from contracts.process.run import run_process
from contracts.process.settings import Settings
from contracts.process.stop_signals import stop_signals
from contracts.process.tracing import tracing
from workers.extract.heartbeat import FrameClock, Watchdog
from workers.vision.pipelines.base import PipelineFactory

__all__ = ["mute_native_logs", "process_name", "run_worker", "use_utf8", "warm_up", "watch"]


def run_worker(kind: str, settings: Settings, work: Callable[[threading.Event], None]) -> NoReturn:
    """Be one process of the pool: ``work``, traced, until SIGTERM or SIGINT sets the event that it is given.

    Ends with ``SystemExit`` and the exit code of `contracts.process.run.run_process`.
    """
    mute_native_logs()
    _share_arenas()
    use_utf8()
    sys.exit(run_process(kind, lambda: _main(kind, settings, work)))


def _main(kind: str, settings: Settings, work: Callable[[threading.Event], None]) -> int:
    stop = threading.Event()
    # the pool starts this process with SIGINT blocked
    with stop_signals() as descriptor, tracing(settings, kind):

        def wait() -> None:
            os.read(descriptor, 1)
            stop.set()

        threading.Thread(target=wait, name="signals", daemon=True).start()
        work(stop)
    return 0


def process_name() -> str:
    """This process's name in the brokers: host, pid and a random part, so that no two processes share it."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


def warm_up(make_pipeline: PipelineFactory) -> None:
    """Load the models before anybody waits for them, and see that they work here.

    Raises:
        Exception: they do not.
    """
    with closing(make_pipeline()) as pipeline:
        pipeline.process(np.zeros((48, 64, 3), np.uint8))


def watch(clock: FrameClock, frame_deadline_s: float, stop: threading.Event) -> None:
    """Start a watchdog: it ends this process if a frame takes too long, and sets ``stop`` if the pool is gone."""
    Watchdog(clock, frame_deadline_s, is_orphan=_is_orphan, on_orphaned=stop.set).start()


def mute_native_logs() -> None:
    """Python keeps the real standard error; what native code writes to descriptor 2 goes nowhere from now on.

    MediaPipe's C++ logs several lines for every graph, at a level that nothing sets.
    """
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)


_UTF8_LOCALES = ("C.UTF-8", "en_US.UTF-8", "UTF-8")


def use_utf8() -> None:
    """Read text as UTF-8 from now on, whatever the user's locale. MediaPipe reads its own options in the locale's
    encoding: where that is ISO-8859-1 (``LANG=en_US`` on a Raspberry Pi), no pipeline of a face could be made."""
    for name in _UTF8_LOCALES:
        with suppress(locale.Error):
            locale.setlocale(locale.LC_CTYPE, name)
            return


_M_ARENA_MAX = -8
_ARENAS = 2


def _share_arenas() -> None:
    """Few pools of memory for all threads: glibc gives each thread of a graph one of its own and keeps what is freed
    there, and an extractor held 50 MB more. Elsewhere there is no such choice."""
    choose: Callable[[int, int], int] = getattr(ctypes.CDLL(None), "mallopt", lambda _option, _value: 0)
    choose(_M_ARENA_MAX, _ARENAS)


def _is_orphan() -> bool:
    parent = multiprocessing.parent_process()
    return parent is not None and not parent.is_alive()
