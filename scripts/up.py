"""``a3cp up``: the stack in one terminal."""

from __future__ import annotations

import asyncio
import signal
import sys
from itertools import cycle

from contracts.settings import Settings
from scripts.stack import Stack

__all__ = ["up"]

COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)


class Lines:
    """Prints each part's lines behind its name, in a colour of its own if this is a terminal."""

    def __init__(self) -> None:
        self._colours = cycle(COLOURS)
        self._of: dict[str, int] = {}
        self._terminal = sys.stdout.isatty()

    def __call__(self, name: str, line: str) -> None:
        colour = self._of.setdefault(name, next(self._colours))
        label = f"{name:<13} |"
        print(f"\x1b[{colour}m{label}\x1b[0m {line}" if self._terminal else f"{label} {line}", flush=True)


async def _serve(stack: Stack) -> None:
    async with stack:
        await stack.ready()
        frames_url, events_url = stack.urls
        print(f"\na3cp is ready: {stack.address}")
        if frames_url.startswith("unix://"):
            print(f"  look inside:   redis-cli -s {frames_url.removeprefix('unix://')}")
            print(f"                 redis-cli -s {events_url.removeprefix('unix://')}")
        print("  or:            a3cp inspect")
        print("Ctrl-C stops everything; again, it kills.\n", flush=True)
        await stack.failed()


async def _up(stack: Stack) -> int:
    serving = asyncio.create_task(_serve(stack))
    signals = 0

    def stop() -> None:
        nonlocal signals
        signals += 1
        if signals == 1:
            print("\nstopping …", flush=True)
            serving.cancel()
        else:
            stack.kill()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        await serving
    except asyncio.CancelledError:
        if not signals:
            raise
    return 0


def up(settings: Settings, *, extractors: int, recorders: int) -> int:
    """Run the stack until Ctrl-C or SIGTERM; returns the exit code.

    Raises:
        FatalError: it cannot start, or a part failed for good.
    """
    return asyncio.run(_up(Stack(settings, extractors=extractors, recorders=recorders, show=Lines())))
