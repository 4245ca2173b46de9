"""Start tasks in a set that owns them, cancel tasks until they have ended, and wait for the next period of a clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

__all__ = ["Ticks", "cancel_all", "next_period", "start"]

AGAIN_S = 0.1


def start(tasks: set[asyncio.Task[None]], step: Coroutine[None, None, None]) -> None:
    """Run ``step`` in a new task. The task is in ``tasks`` until it ends; the event loop itself keeps only a weak
    reference to it."""
    task = asyncio.create_task(step)
    tasks.add(task)
    task.add_done_callback(tasks.discard)


async def cancel_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until they have ended. Their exceptions are not raised here.

    One cancellation may not be enough: ``asyncio.wait_for`` of Python 3.11, and redis-py, swallow it if a result comes
    at the same moment. So tasks that still run are cancelled again every 0.1 s.
    """
    while left := {task for task in tasks if not task.done()}:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=AGAIN_S)


async def next_period(period_s: float) -> None:
    """Wait for the next full period of the event loop's clock. All who wait so wake in one turn of the loop, and their
    commands to a broker leave in one write."""
    await asyncio.sleep(period_s - asyncio.get_running_loop().time() % period_s)


class Ticks:
    """Calls functions in every full period of the event loop's clock. All with the same period share a timer: a timer
    and a task for each capture took a thirtieth of the gateway's time for a frame."""

    def __init__(self) -> None:
        self._calls: dict[float, set[Callable[[], None]]] = {}

    def add(self, period_s: float, call: Callable[[], None]) -> None:
        """Call ``call`` in every period from now on. It must not raise."""
        if period_s not in self._calls:
            self._calls[period_s] = set()
            self._wait(period_s)
        self._calls[period_s].add(call)

    def discard(self, period_s: float, call: Callable[[], None]) -> None:
        """Call it no more."""
        self._calls.get(period_s, set()).discard(call)

    def _wait(self, period_s: float) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(period_s - loop.time() % period_s, self._tick, period_s)

    def _tick(self, period_s: float) -> None:
        calls = self._calls[period_s]
        for call in tuple(calls):
            call()
        if calls:
            self._wait(period_s)
        else:
            del self._calls[period_s]
