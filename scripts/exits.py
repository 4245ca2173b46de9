"""How a command of ``a3cp`` ends: its exit code, and one line if it fails."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import typer

from contracts.process.loading import loading

__all__ = ["exits"]

Parameters = ParamSpec("Parameters")


def exits(command: Callable[Parameters, int]) -> Callable[Parameters, None]:
    """Exit with the code that the command returns. For an `A3CPError` print one line, without a traceback, and exit
    with 1, or with the code of a `FatalError`."""

    @wraps(command)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        with loading():
            from contracts.process.logs import write_last_line
            from contracts.process.run import run_process
            from contracts.rules.errors import A3CPError, FatalError
            from scripts.terminal import until_the_reader_leaves

        name = command.__name__.replace("_", " ").strip()

        def guarded() -> int:
            try:
                return until_the_reader_leaves(lambda: command(*args, **kwargs))
            except FatalError:
                raise
            except A3CPError as error:
                write_last_line(f"a3cp {name}: {error}")
                return 1

        raise typer.Exit(run_process(name, guarded))

    return run
