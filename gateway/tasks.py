"""Start tasks in a set that owns them, cancel tasks until they have ended, and wait for the next period of a clock."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

__all__ = ["cancel_all", "next_period", "start"]

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
