"""Retry a step: after which errors, with which pauses, for how long. Blocking and asynchronous code share the rule."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from contracts.rules.errors import BrokerFull, BrokerSlow, BrokerUnavailable

__all__ = [
    "ANSWERED",
    "ONCE",
    "Stopped",
    "Until",
    "backoff_s",
    "pause",
    "repeat",
    "repeat_sync",
    "retry",
    "retry_sync",
    "unless_stopped",
]

T = TypeVar("T")

LONGEST_PAUSE_S = 5.0
"""The longest pause between two attempts, in seconds."""


def backoff_s(attempt: int) -> float:
    """How long to wait after failed attempt 0, 1, 2 …: 0.1 s, doubled each time, `LONGEST_PAUSE_S` at most."""
    return float(min(LONGEST_PAUSE_S, 0.1 * 2 ** min(attempt, 10)))  # the inner min keeps the power a small number


class Stopped(Exception):
    """The process was told to stop before a step succeeded. If the step failed, its error is the cause."""


@dataclass(frozen=True, slots=True)
class Until:
    """Which errors of a step are retried, and when its last error is raised instead.

    Attributes:
        retried: errors after which the step runs again. Every other error is raised at once, such as
            `BrokerMisconfigured` for a wrong password or certificate: retrying would not help.
        never: subclasses of these that are raised at once all the same.
        attempts: how often the step runs at most; None for any number.
        within_s: how long all attempts and pauses may take; no attempt begins later, and `retry` cancels one that
            takes longer (`TimeoutError`).
        failing_s: an error that comes later than this after the first attempt began is raised.
        pauses: whether to back off before the next attempt.
    """

    retried: type[Exception] = BrokerUnavailable
    never: tuple[type[Exception], ...] = ()
    attempts: int | None = None
    within_s: float | None = None
    failing_s: float | None = None
    pauses: bool = True

    def retries(self, error: Exception) -> bool:
        """Whether a step may run again after this error, if there is time."""
        return isinstance(error, self.retried) and not isinstance(error, self.never)

    def delay_s(self, error: Exception, attempt: int, elapsed_s: float) -> float | None:
        """How long to wait after failed attempt 0, 1, 2 …; None if the step does not run again."""
        if not self.retries(error):
            return None
        delay_s = backoff_s(attempt) if self.pauses else 0.0
        if self.attempts is not None and attempt + 1 >= self.attempts:
            return None
        if self.within_s is not None and elapsed_s + delay_s > self.within_s:
            return None
        if self.failing_s is not None and elapsed_s >= self.failing_s:
            return None
        return delay_s


ANSWERED = Until()
"""Retry for as long as a broker is unreachable or out of memory, without a limit."""

ONCE = Until(never=(BrokerFull, BrokerSlow), attempts=2, pauses=False)
"""Retry once, at once, if the connection was lost: after a broker's restart, every old connection in the pool fails one
command. Do not retry if the broker is full or slow: that would add to its load."""


async def pause(delay_s: float, stop: asyncio.Event | None = None) -> None:
    """Wait for ``delay_s`` seconds, or until ``stop`` is set."""
    if stop is None:
        await asyncio.sleep(delay_s)
        return
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), delay_s)


async def retry(
    step: Callable[[], Awaitable[T]],
    *,
    until: Until = ONCE,
    on_retry: Callable[[Exception, float], object] | None = None,
) -> T:
    """Run an idempotent step until it succeeds; ``until`` says which errors are retried. Returns the step's result.

    Calls ``on_retry`` before each pause with the error and the pause in seconds. To stop retrying, cancel the task.

    Raises:
        TimeoutError: ``until.within_s`` was over while an attempt was running.
        Exception: the step's own error, if ``until`` does not retry it.
    """
    clock = asyncio.get_running_loop().time
    began_s, attempt = clock(), 0
    deadline_s = None if until.within_s is None else began_s + until.within_s
    while True:
        try:
            async with asyncio.timeout_at(deadline_s):
                return await step()
        except Exception as error:
            delay_s = until.delay_s(error, attempt, clock() - began_s)
            if delay_s is None:
                raise
            if on_retry is not None:
                on_retry(error, delay_s)
        if delay_s:
            await asyncio.sleep(delay_s)
        attempt += 1


async def unless_stopped(step: Coroutine[Any, Any, T], stop: asyncio.Event) -> T:
    """Run a step, and cancel it if ``stop`` is set first.

    Raises:
        Stopped: ``stop`` was set first.
    """
    running, stopped = asyncio.create_task(step), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            return running.result()
        raise Stopped
    finally:
        running.cancel()
        stopped.cancel()
        await asyncio.gather(running, stopped, return_exceptions=True)


def retry_sync(
    step: Callable[[], T],
    *,
    until: Until,
    stop: threading.Event | None = None,
    on_retry: Callable[[Exception, float], object] | None = None,
) -> T:
    """`retry` for blocking code. Setting ``stop`` ends a pause; the step then runs once more.

    Raises:
        Stopped: the step failed with an error that would be retried, and ``stop`` was set.
        Exception: the step's own error, if ``until`` does not retry it.
    """
    stop = stop or threading.Event()
    began_s, attempt = time.monotonic(), 0
    while True:
        try:
            return step()
        except Exception as error:
            delay_s = until.delay_s(error, attempt, time.monotonic() - began_s)
            if stop.is_set() and until.retries(error):
                raise Stopped from error
            if delay_s is None:
                raise
            if on_retry is not None:
                on_retry(error, delay_s)
        stop.wait(delay_s)
        attempt += 1


async def repeat(
    step: Callable[[], Awaitable[object]],
    failed: Callable[[Exception, float], object],
    *,
    stop: asyncio.Event | None = None,
) -> None:
    """Run a step in a loop until ``stop`` is set or the task is cancelled. After an error, pause with backoff.

    Calls ``failed`` with each error and the pause in seconds. If ``failed`` raises, the loop ends with that error.
    """
    failures = 0
    while stop is None or not stop.is_set():
        try:
            await step()
            failures = 0
        except Exception as error:
            delay_s = backoff_s(failures)
            failed(error, delay_s)
            await pause(delay_s, stop)
            failures += 1


def repeat_sync(
    step: Callable[[], object],
    failed: Callable[[Exception, float], object],
    *,
    stop: threading.Event,
    longest_pause_s: float = LONGEST_PAUSE_S,
) -> None:
    """`repeat` for blocking code."""
    failures = 0
    while not stop.is_set():
        try:
            step()
            failures = 0
        except Exception as error:
            delay_s = min(longest_pause_s, backoff_s(failures))
            failed(error, delay_s)
            stop.wait(delay_s)
            failures += 1
