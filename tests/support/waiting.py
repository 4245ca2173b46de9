"""Wait for a condition instead of a length of time, so that a slow machine makes a test slower and not wrong."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

T = TypeVar("T")

DEADLINE_S = 300.0
"""A wait that succeeds never takes so long, even on a busy machine; the suite's limit for a test is 600 s."""

PAUSE_S = 0.01


async def until(condition: Callable[[], Awaitable[T] | T], what: str = "", within_s: float = DEADLINE_S) -> T:
    """Wait in an event loop until the condition's value is true.

    Args:
        condition: is called again and again; it may return an awaitable.
        what: names the condition in the failure; without it, the failure shows the condition's source.
        within_s: the longest wait, in seconds.

    Returns:
        The condition's first true value.

    Raises:
        AssertionError: the deadline passed; the message names the condition and its last value.
    """
    deadline = time.monotonic() + within_s
    while True:
        met: Any = condition()
        if inspect.iscoroutine(met):  # not a task, which may be the very value
            met = await met
        if met:
            return met  # type: ignore[no-any-return]
        assert time.monotonic() < deadline, _missed(what or _source(condition), within_s, met)
        await asyncio.sleep(PAUSE_S)


def wait_until(condition: Callable[[], T], what: str = "", within_s: float = DEADLINE_S) -> T:
    """Wait in a thread, as `until` does in an event loop."""
    deadline = time.monotonic() + within_s
    while not (met := condition()):
        assert time.monotonic() < deadline, _missed(what or _source(condition), within_s, met)
        time.sleep(PAUSE_S)
    return met


def _missed(what: str, within_s: float, last: object) -> str:
    return f"not within {within_s:g} s: {what} (the condition's last value: {last!r})"


def _source(condition: Callable[[], Any]) -> str:
    """A lambda's line, or the name of anything else that can be called."""
    if getattr(condition, "__name__", "") == "<lambda>":
        return inspect.getsource(condition).strip()
    return str(getattr(condition, "__qualname__", condition))
