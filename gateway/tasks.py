"""Start tasks that have an owner, and cancel them so that they end for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

__all__ = ["cancel_all", "start"]

AGAIN_S = 0.1


def start(tasks: set[asyncio.Task[None]], step: Coroutine[None, None, None]) -> None:
    """Run ``step`` as one of ``tasks``, which it leaves when it ends."""
    task = asyncio.create_task(step)
    tasks.add(task)
    task.add_done_callback(tasks.discard)


async def cancel_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until they have ended; what they raise is for their own reader.

    They are cancelled again until then: a cancellation is lost where it meets a result, in ``asyncio.wait_for`` of
    Python 3.11 as in a Redis client that has just been answered.
    """
    while left := {task for task in tasks if not task.done()}:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=AGAIN_S)
