"""``a3cp up``: the stack in one terminal."""

from __future__ import annotations

import asyncio
import json
import shlex
import signal
import sys
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import TextIO

from contracts.process.line_writer import LineWriter
from contracts.process.logs import FLUSH_S
from contracts.process.settings import Settings
from contracts.rules.broker_url import socket_path
from scripts.stack.stack import Stack
from scripts.terminal import printable

__all__ = ["up"]

COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)

BOUNCE_S = 0.5
"""Signals closer together are one: `timeout` and some service managers send theirs twice."""

KNOWN_TO_DOCTOR = "Memory overcommit must be enabled"


class Lines:
    """Shows each part's lines behind its name; for people, if this is a terminal, in a colour of its own and
    without the braces of the logs' JSON.

    Showing never raises and never blocks: lines that the terminal, pipe or file does not take are lost, and a later
    line says how many.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        stream = sys.stdout if stream is None else stream
        self._colours = cycle(COLOURS)
        self._of: dict[str, int] = {}
        self._terminal = stream is not None and stream.isatty()
        self._writer = LineWriter(stream, lambda count: f"{count} lines could not be shown")

    def __call__(self, name: str, line: str) -> None:
        if KNOWN_TO_DOCTOR in line:
            return
        label = f"{name:<13} |"
        if not self._terminal:
            self.say(f"{label} {printable(line)}")
            return
        if name not in self._of:
            self._of[name] = next(self._colours)
        self.say(f"\x1b[{self._of[name]}m{label}\x1b[0m {printable(plain(line))}")

    def say(self, line: str = "") -> None:
        """Show a line of the stack's own."""
        self._writer.write(line)

    def flush(self) -> None:
        """Wait until everything is shown, a second at most."""
        self._writer.flush(FLUSH_S)


def plain(line: str) -> str:
    """A line of our JSON logs as ``what happened  name=value …``; any other line as it is."""
    try:
        fields = json.loads(line)
        what = fields.pop("event")
    except (ValueError, TypeError, AttributeError, KeyError):
        return line
    level = fields.pop("level", "info")
    for name in ("process", "timestamp"):
        fields.pop(name, None)
    said = f"{what}  " + " ".join(f"{name}={value}" for name, value in fields.items())
    return said.rstrip() if level == "info" else f"{level.upper()}: {said.rstrip()}"


async def _serve(stack: Stack, lines: Lines) -> None:
    async with stack:
        await stack.ready()
        for line in _ready(stack):
            lines.say(line)
        await stack.failed()


def _ready(stack: Stack) -> Iterator[str]:
    """What to know about a stack that works now."""
    settings = stack.settings
    yield ""
    yield f"a3cp is ready: {stack.address}"
    yield f"  artifacts:     {settings.artifact_url or _place(settings.data_root)}"
    yield f"  session logs:  {_place(settings.log_root)}"
    frames_url, events_url = stack.urls
    if (frames := socket_path(frames_url)) and (events := socket_path(events_url)):
        yield f"  look inside:   redis-cli -s {_place(Path(frames))}"
        yield f"                 redis-cli -s {_place(Path(events))}"
    yield "  or:            a3cp inspect"
    if stack.metrics:
        yield f"  metrics:       {stack.address}/metrics   gateway"
        for name, url in stack.metrics.items():
            yield f"                 {url}   {name}"
    yield "Ctrl-C stops everything; again, it kills."
    yield ""


def _place(path: Path) -> str:
    """A path as it can be found, and copied, from any folder."""
    return printable(shlex.quote(str(path.absolute())))


async def _up(stack: Stack, lines: Lines) -> int:
    serving = asyncio.create_task(_serve(stack, lines))
    loop = asyncio.get_running_loop()
    asked_at: float | None = None

    def stop() -> None:
        nonlocal asked_at
        if asked_at is None:
            asked_at = loop.time()
            serving.cancel()
            lines.say("\nstopping …")
        elif loop.time() - asked_at > BOUNCE_S:
            stack.kill()

    for number in (signal.SIGINT, signal.SIGTERM):  # SIGHUP comes as SIGTERM: contracts.process.run
        loop.add_signal_handler(number, stop)
    try:
        await serving
    except asyncio.CancelledError:
        if asked_at is None:
            raise
    return 0


def up(settings: Settings, *, extractors: int, recorders: int, live: int) -> int:
    """Run the stack until Ctrl-C, SIGTERM or the end of its terminal; returns the exit code.

    Raises:
        FatalError: it cannot start, or a part failed for good.
    """
    lines = Lines()
    try:
        stack = Stack(settings, extractors=extractors, recorders=recorders, live=live, show=lines)
        return asyncio.run(_up(stack, lines))
    finally:
        lines.flush()
