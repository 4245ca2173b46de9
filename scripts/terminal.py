"""What is shown on a terminal, or goes into a pipe."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from contracts.process.line_writer import printable
from contracts.process.local_folder import local_folder
from contracts.rules.errors import ConfigurationError

__all__ = ["READER_LEFT", "age_text", "bytes_text", "output_folder", "printable", "until_the_reader_leaves"]

READER_LEFT = 128 + signal.SIGPIPE
"""The exit code that shells give a program which SIGPIPE ended."""


def output_folder(text: str) -> Path:
    """The folder that ``--output`` names.

    Raises:
        ConfigurationError: it is none of this machine.
    """
    try:
        return local_folder(text)
    except ValueError as error:
        raise ConfigurationError(f"--output: {error}") from error


def until_the_reader_leaves(action: Callable[[], int]) -> int:
    """Run a command; if the pipe that it prints into is closed, as by `head`, end as a program that SIGPIPE ends.

    The signal itself would end a process whenever one of its sockets breaks.
    """
    try:
        code = action()
        sys.stdout.flush()
    except BrokenPipeError:
        closed = [stream for stream in (sys.stdout, sys.stderr) if not _is_open(stream)]
        if not closed:
            raise  # it was not ours
        for stream in closed:  # what is left in it is lost, and no exit may complain of that
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return READER_LEFT
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # rich took it, and would end with 1
            return READER_LEFT
        raise
    return code


def _is_open(stream: TextIO) -> bool:
    """Whether its reader is still there. To write once more would not tell: an unbuffered stream has nothing left."""
    watch = select.poll()
    watch.register(stream.fileno(), 0)
    return not any(events & (select.POLLERR | select.POLLHUP) for _, events in watch.poll(0))


def age_text(seconds: float) -> str:
    """A time as a person says it."""
    for unit, length_s in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{seconds:.0f} s"


def bytes_text(count: int) -> str:
    """So many bytes, in MB."""
    return f"{count / 1_000_000:.1f} MB"
