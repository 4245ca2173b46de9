"""``a3cp up``: run the whole stack in one terminal."""

from __future__ import annotations

import asyncio
import json
import shlex
import signal
import sys
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from contracts.process.line_writer import LineWriter
from contracts.process.logs import FLUSH_S
from contracts.process.settings import Settings
from contracts.rules.broker_url import socket_path
from contracts.rules.errors import ConfigurationError
from scripts.stack.stack import Stack
from scripts.terminal import printable

if TYPE_CHECKING:
    from scripts.commands.lan import LocalPhones

__all__ = ["up"]

COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)

BOUNCE_S = 0.5
"""Two signals within this time count as one: `timeout` and some service managers send theirs twice."""

KNOWN_TO_DOCTOR = "Memory overcommit must be enabled"
"""A warning of the brokers at each start, which `a3cp doctor` gives too."""


class Lines:
    """Shows each part's lines after its name; in a terminal, each part in its own colour and JSON logs as plain text.

    Showing never raises and never blocks. Lines that the terminal, pipe or file does not accept are lost, and a later
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
        """Show a line without a part's name."""
        self._writer.write(line)

    def flush(self) -> None:
        """Wait until every line is written, a second at most."""
        self._writer.flush(FLUSH_S)


def plain(line: str) -> str:
    """Format a line of A3CP's JSON logs as ``event  name=value …``; return any other line unchanged."""
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


async def _serve(stack: Stack, lines: Lines, phones: LocalPhones | None) -> None:
    async with stack:
        await stack.ready()
        for line in _ready(stack):
            lines.say(line)
        if phones is not None:
            await phones.run(stack.settings, lines.say, stack.failed)
        await stack.failed()


def _ready(stack: Stack) -> Iterator[str]:
    """Yield the lines to print when the stack is ready."""
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
    """Format a path so that a shell in any folder accepts it."""
    return printable(shlex.quote(str(path.absolute())))


async def _up(stack: Stack, lines: Lines, phones: LocalPhones | None) -> int:
    serving = asyncio.create_task(_serve(stack, lines, phones))
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

    for number in (signal.SIGINT, signal.SIGTERM):  # contracts.process.run turns SIGHUP into SIGTERM
        loop.add_signal_handler(number, stop)
    try:
        await serving
    except asyncio.CancelledError:
        if asked_at is None:
            raise
    return 0


def up(
    settings: Settings,
    *,
    extractors: int,
    recorders: int,
    live: int,
    gateways: int,
    lan: bool = False,
    sign_in: str | None = None,
) -> int:
    """Run the stack until Ctrl-C, SIGTERM or the end of the terminal; returns 0.

    Args:
        lan: whether it serves HTTPS on the local network.
        sign_in: with ``lan``, the entry of the recorder whom the printed QR code signs in.

    Raises:
        FatalError: the stack cannot start, or a part failed and a restart would not help.
    """
    if sign_in is not None and not lan:
        raise ConfigurationError("--for: it says whom the QR code of --lan signs in; name --lan too")
    phones = None
    if lan:
        from scripts.commands.lan import LocalPhones  # it loads cryptography and a client of the broker

        phones = LocalPhones.of(settings, sign_in)
        settings = phones.network.settings
    lines = Lines()
    try:
        stack = Stack(settings, extractors=extractors, recorders=recorders, live=live, gateways=gateways, show=lines)
        return asyncio.run(_up(stack, lines, phones))
    finally:
        lines.flush()
