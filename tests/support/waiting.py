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

PATIENT: dict[str, Any] = {"open_timeout": DEADLINE_S, "ping_timeout": DEADLINE_S}
"""Options of a WebSocket. The library gives up a handshake after 10 s, and a connection after 20 s of silence."""

PAUSES_S = 0.01, 0.2
"""The shortest pause between two looks, and the longest. A look costs time that the awaited processes need."""


async def until(
    condition: Callable[[], Awaitable[T] | T],
    what: str = "",
    within_s: float = DEADLINE_S,
    *,
    unless: Callable[[], object] = lambda: None,
) -> T:
    """Wait in an event loop until the condition's value is true.

    Args:
        condition: is called again and again; it may return an awaitable.
        what: names the condition in the failure; without it, the failure shows the condition's source.
        within_s: the longest wait, in seconds.
        unless: returns what makes the condition impossible, once that has happened (a process has ended, a capture is
            aborted). The wait then fails at once, and shows it.

    Returns:
        The condition's first true value.

    Raises:
        AssertionError: the deadline passed, or the condition became impossible; the message names the condition.
    """
    deadline = time.monotonic() + within_s
    while True:
        impossible = unless() or None  # before the condition, which may be met just before it becomes impossible
        met: Any = condition()
        if inspect.iscoroutine(met):  # not a task, which may be the very value
            met = await met
        if met:
            return met  # type: ignore[no-any-return]
        assert not impossible, f"{what or _source(condition)}: impossible now: {impossible}"
        assert time.monotonic() < deadline, _missed(what or _source(condition), within_s, met)
        await asyncio.sleep(_pause_s(deadline - within_s))


def wait_until(
    condition: Callable[[], T],
    what: str = "",
    within_s: float = DEADLINE_S,
    *,
    unless: Callable[[], object] = lambda: None,
) -> T:
    """Wait in a thread, as `until` does in an event loop."""
    deadline = time.monotonic() + within_s
    while True:
        impossible = unless() or None
        if met := condition():
            return met
        assert not impossible, f"{what or _source(condition)}: impossible now: {impossible}"
        assert time.monotonic() < deadline, _missed(what or _source(condition), within_s, met)
        time.sleep(_pause_s(deadline - within_s))


def needed(helper: asyncio.Task[T]) -> asyncio.Task[T]:
    """End the test if a task that it needs fails: nothing would happen of what the test waits for.

    The test is cancelled; it awaits the task at its end, which raises the task's own error.
    """
    test = asyncio.current_task()

    def ended(_: asyncio.Task[T]) -> None:
        if test is not None and not helper.cancelled() and helper.exception() is not None:
            test.cancel()

    helper.add_done_callback(ended)
    return helper


def _pause_s(began_s: float) -> float:
    """A twentieth of the wait so far: nothing is noticed much later than it happens."""
    shortest_s, longest_s = PAUSES_S
    return min(max((time.monotonic() - began_s) / 20, shortest_s), longest_s)


def _missed(what: str, within_s: float, last: object) -> str:
    return f"not within {within_s:g} s: {what} (the condition's last value: {last!r})"


def _source(condition: Callable[[], Any]) -> str:
    """A lambda's line, or the name of anything else that can be called."""
    if getattr(condition, "__name__", "") == "<lambda>":
        return inspect.getsource(condition).strip()
    return str(getattr(condition, "__qualname__", condition))
