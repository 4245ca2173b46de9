"""Start and end a process of the pipeline: no core dumps, JSON logs, one line instead of a traceback."""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable

from contracts.process.logs import configure_logs, flush_logs, get_logger, write_last_line
from contracts.rules.errors import BrokerMisconfigured, FatalError

__all__ = ["FATAL_EXIT_CODES", "run_process"]

_PR_SET_DUMPABLE = 4  # <linux/prctl.h>

FATAL_EXIT_CODES = frozenset({FatalError.exit_code, BrokerMisconfigured.exit_code})
"""The exit codes of a process that ended with a `FatalError`: a restart would not help, unless such a process has
worked with these settings before. Then a file that they name has changed since."""


def run_process(name: str, main: Callable[[], int]) -> int:
    """Run ``main`` and return the process's exit code.

    Core dumps are disabled first, because a dump would write frames to a disk. A `FatalError` is written as one line to
    standard error and gives its own exit code. Ctrl-C gives 130. Any other error is logged by type and place and gives
    1. If the terminal is closed, the process stops as after SIGTERM.
    """
    gc.freeze()  # modules stay until the end: looking through them, then too, takes as long as to import half of them
    _forbid_core_dumps()
    _open_standard_descriptors()
    _take_hangup_as_stop()
    configure_logs(name)
    try:
        return main()
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if (fatal := _fatal(error)) is not None:
            write_last_line(f"a3cp {name}: {fatal}")
            return fatal.exit_code
        get_logger().error("process failed", exc_info=error)
        return 1
    finally:
        flush_logs()


def _fatal(error: Exception) -> FatalError | None:
    """The error if it is a `FatalError`; of a group of errors, the first that is one."""
    if isinstance(error, ExceptionGroup):
        return next((fatal for inner in error.exceptions if (fatal := _fatal(inner)) is not None), None)
    return error if isinstance(error, FatalError) else None


def _forbid_core_dumps() -> None:
    """Disable core dumps for this process and its children.

    The limit forbids core files. It does not bind a program that ``kernel.core_pattern`` pipes to (core(5)), so the
    process also becomes not dumpable. Then other processes of the same user can no longer read its memory and its
    environment (with the token), or attach a debugger. A child becomes dumpable again when it executes a program
    (prctl(2)), until it calls this itself.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    # the hard limit is 1, not 0, so that a child may raise its soft limit to 1: see `scripts.stack.supervision`
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0 if hard == 0 else 1))
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _open_standard_descriptors() -> None:
    """Open ``/dev/null`` for each of the descriptors 0, 1 and 2 that is closed. Otherwise the next file that the
    process opens would get that number, and output for the terminal would be written into it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _take_hangup_as_stop() -> None:
    """Handle SIGHUP as SIGTERM, unless it is ignored: `nohup` ignores it so that the process keeps running."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
