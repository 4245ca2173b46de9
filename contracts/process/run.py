"""How every process of the pipeline begins and ends: no core dumps, JSON logs, one line instead of a traceback."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable

from contracts.process.logs import configure_logs, flush_logs, get_logger, say_last
from contracts.rules.errors import FatalError

__all__ = ["run_process"]

_PR_SET_DUMPABLE = 4


def run_process(name: str, main: Callable[[], int]) -> int:
    """Run ``main`` and return the exit code.

    A core dump of a process that holds frames would put them on a disk, so from here on none is made.
    `FatalError` becomes one line on standard error and its exit code; Ctrl-C is 130; anything unexpected is
    logged by its type and place, and is 1. A terminal that is closed stops the process as SIGTERM does.
    """
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
            say_last(f"a3cp {name}: {fatal}")
            return fatal.exit_code
        get_logger().error("process failed", exc_info=error)
        return 1
    finally:
        flush_logs()


def _fatal(error: Exception) -> FatalError | None:
    """The error if it is fatal, or the first one that is, of tasks that ended together."""
    if isinstance(error, ExceptionGroup):
        return next((fatal for inner in error.exceptions if (fatal := _fatal(inner)) is not None), None)
    return error if isinstance(error, FatalError) else None


def _forbid_core_dumps() -> None:
    """No core file, for children too; and no memory for a program that ``kernel.core_pattern`` pipes to, which
    the limit does not bind.

    What is not dumpable is also closed to other processes of the same user: its memory, its environment with
    the token, a debugger. A child process is dumpable again once it runs a program, until it comes here itself.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    # 1, not 0, is what a child may raise it to: see `scripts.stack.supervision`
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0 if hard == 0 else 1))
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _open_standard_descriptors() -> None:
    """A process that was started without one of them would get its number for the next file that it opens, and write
    there what was meant for a terminal."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _take_hangup_as_stop() -> None:
    """SIGHUP is taken as SIGTERM, unless it is ignored: `nohup` does that, to have the process go on."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
