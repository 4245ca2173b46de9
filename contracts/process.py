"""How every process of ours begins and ends: no core dumps, JSON logs, one line instead of a traceback."""

from __future__ import annotations

import ctypes
import resource
import sys
from collections.abc import Callable

from contracts.errors import FatalError
from contracts.logs import configure_logs, get_logger

__all__ = ["run_process"]

_PR_SET_DUMPABLE = 4


def run_process(name: str, main: Callable[[], int]) -> int:
    """Run ``main`` and return the exit code.

    A core dump of a process that holds frames would put them on a disk, so from here on none is made.
    `FatalError` becomes one line on standard error and its exit code; Ctrl-C is 130; anything unexpected is
    logged by its type and place, and is 1.
    """
    _forbid_core_dumps()
    configure_logs(name)
    try:
        return main()
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if (fatal := _fatal(error)) is not None:
            print(f"a3cp {name}: {fatal}", file=sys.stderr)
            return fatal.exit_code
        get_logger().error("process failed", exc_info=error)
        return 1


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
    # 1, not 0, is what a child may raise it to: see `scripts.supervision`
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0 if hard == 0 else 1))
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
