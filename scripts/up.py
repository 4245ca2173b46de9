"""``a3cp up``: the stack in one terminal."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from itertools import cycle
from shlex import quote

from contracts.broker_url import socket_path
from contracts.settings import Settings
from scripts.stack import Stack

__all__ = ["up"]

COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)

BOUNCE_S = 0.5
"""Signals closer together are one: `timeout` and some service managers send theirs twice."""

KNOWN_TO_DOCTOR = "Memory overcommit must be enabled"


class Lines:
    """Prints each part's lines behind its name; for people, if this is a terminal, in a colour of its own and
    without the braces of the logs' JSON."""

    def __init__(self) -> None:
        self._colours = cycle(COLOURS)
        self._of: dict[str, int] = {}
        self._terminal = sys.stdout.isatty()

    def __call__(self, name: str, line: str) -> None:
        if KNOWN_TO_DOCTOR in line:
            return
        label = f"{name:<13} |"
        if not self._terminal:
            print(label, line, flush=True)
            return
        if name not in self._of:
            self._of[name] = next(self._colours)
        print(f"\x1b[{self._of[name]}m{label}\x1b[0m {plain(line)}", flush=True)


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


async def _serve(stack: Stack) -> None:
    async with stack:
        await stack.ready()
        frames_url, events_url = stack.urls
        print(f"\na3cp is ready: {stack.address}")
        if (frames := socket_path(frames_url)) and (events := socket_path(events_url)):
            print(f"  look inside:   redis-cli -s {quote(frames)}")
            print(f"                 redis-cli -s {quote(events)}")
        print("  or:            a3cp inspect")
        if stack.metrics:
            print(f"  metrics:       {stack.address}/metrics   gateway")
            for name, url in stack.metrics.items():
                print(f"                 {url}   {name}")
        print("Ctrl-C stops everything; again, it kills.\n", flush=True)
        await stack.failed()


async def _up(stack: Stack) -> int:
    serving = asyncio.create_task(_serve(stack))
    loop = asyncio.get_running_loop()
    asked_at: float | None = None

    def stop() -> None:
        nonlocal asked_at
        if asked_at is None:
            asked_at = loop.time()
            print("\nstopping …", flush=True)
            serving.cancel()
        elif loop.time() - asked_at > BOUNCE_S:
            stack.kill()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        await serving
    except asyncio.CancelledError:
        if asked_at is None:
            raise
    return 0


def up(settings: Settings, *, extractors: int, recorders: int, live: int) -> int:
    """Run the stack until Ctrl-C or SIGTERM; returns the exit code.

    Raises:
        FatalError: it cannot start, or a part failed for good.
    """
    return asyncio.run(_up(Stack(settings, extractors=extractors, recorders=recorders, live=live, show=Lines())))
