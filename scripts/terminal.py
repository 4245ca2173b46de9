"""Output to a terminal or a pipe: safe text, folders in options, and a reader that closes the pipe."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Self, TextIO

from contracts.process.line_writer import printable
from contracts.process.local_folder import local_folder
from contracts.rules.errors import ConfigurationError

__all__ = [
    "READER_LEFT",
    "Counter",
    "age_text",
    "bytes_text",
    "many",
    "named_folder",
    "output_folder",
    "printable",
    "until_the_reader_leaves",
]

READER_LEFT = 128 + signal.SIGPIPE
"""The exit code that a shell reports for a program that SIGPIPE ended."""


def output_folder(text: str) -> Path:
    """Return the folder that ``--output`` names. Errors as `named_folder`."""
    return named_folder("--output", text)


def named_folder(name: str, text: str) -> Path:
    """Return the folder that an option or argument names.

    Raises:
        ConfigurationError: it is a URL, not a folder of this machine.
    """
    try:
        return local_folder(text)
    except ValueError as error:
        raise ConfigurationError(f"{name}: {error}") from error


def until_the_reader_leaves(action: Callable[[], int]) -> int:
    """Run a command and return its exit code; 141 if the reader of its output has closed the pipe, as `head` does.

    That is the code of a program that SIGPIPE ends. Python ignores the signal itself, because it would also end a
    process whose socket breaks.
    """
    try:
        code = action()
        sys.stdout.flush()
    except BrokenPipeError:
        closed = [stream for stream in (sys.stdout, sys.stderr) if not _is_open(stream)]
        if not closed:
            raise  # another pipe or socket is broken
        for stream in closed:  # at exit Python flushes the stream: without this it would fail again
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return READER_LEFT
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # rich turns a broken pipe into exit code 1
            return READER_LEFT
        raise
    return code


def _is_open(stream: TextIO) -> bool:
    """Return whether the stream's reader is still there. Writing would not show it: the buffer may be empty."""
    watch = select.poll()
    watch.register(stream.fileno(), 0)
    return not any(events & (select.POLLERR | select.POLLHUP) for _, events in watch.poll(0))


def age_text(seconds: float) -> str:
    """Format a time in days, hours, minutes or seconds."""
    for unit, length_s in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{seconds:.0f} s"


def many(count: int, noun: str) -> str:
    """``1 capture``, ``2 captures``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def bytes_text(count: int) -> str:
    """Format a number of bytes in MB (10⁶ bytes)."""
    return f"{count / 1_000_000:.1f} MB"


class Counter:
    """Counts things on the last line of a terminal; prints nothing into a pipe or a file."""

    def __init__(self, noun: str, stream: TextIO | None = None) -> None:
        self._noun = noun
        self._stream = stream or sys.stderr
        self._shows = self._stream.isatty()
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shows and self._count:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def add(self) -> None:
        """Count one more."""
        self._count += 1
        if self._shows and self._count % 25 == 0:
            self._stream.write(f"\r{self._count:,} {self._noun}")
            self._stream.flush()
