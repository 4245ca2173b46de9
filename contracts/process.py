"""How every process of ours begins and ends: no core files, JSON logs, one line instead of a traceback."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable

import structlog

from contracts.errors import FatalError
from contracts.logs import configure_logs

__all__ = ["run_process"]


def run_process(name: str, main: Callable[[], int]) -> int:
    """Run ``main`` and return the exit code.

    A core file of a process that holds frames would put them on a disk: ``RLIMIT_CORE`` is 0 from here
    on, for children too. `FatalError` becomes one line on standard error and its exit code; Ctrl-C is 130;
    anything unexpected is logged by its type and place, and is 1.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    configure_logs(name)
    try:
        return main()
    except FatalError as error:
        print(f"a3cp {name}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        structlog.get_logger().error("process failed", exc_info=error)
        return 1
