"""The functions that all captures' timeouts are checked with: each period, for as long as they are added."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from gateway.tasks import Ticks
from tests.support.waiting import until

PERIOD_S = 0.01


async def test_every_function_is_called_in_every_period_until_it_is_discarded() -> None:
    ticks, calls = Ticks(), list[str]()

    def once() -> None:
        calls.append("once")
        ticks.discard(PERIOD_S, once)

    ticks.add(PERIOD_S, once)
    ticks.add(PERIOD_S, lambda: calls.append("always"))
    await until(lambda: calls.count("always") >= 3, "three periods")
    assert calls.count("once") == 1


async def test_functions_with_the_same_period_share_a_timer_that_ends_with_the_last() -> None:
    ticks, calls = Ticks(), list[float]()
    loop = asyncio.get_running_loop()

    def tick() -> None:
        calls.append(loop.time())

    for _ in range(3):  # a function that is added while the timer of the last one still runs must not start another
        ticks.add(PERIOD_S, tick)
        ticks.discard(PERIOD_S, tick)
    ticks.add(PERIOD_S, tick)
    await until(lambda: len(calls) >= 5, "five periods")
    assert all(later > before for before, later in pairwise(calls))
    ticks.discard(PERIOD_S, tick)
    await until(lambda: not ticks._calls, "the timer has ended")
    ticks.discard(PERIOD_S, tick)
