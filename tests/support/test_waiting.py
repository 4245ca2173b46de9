"""The waits return the value they waited for, and a failure names what was missing."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.waiting import until, wait_until


def test_a_wait_returns_the_first_true_value() -> None:
    values = iter([0, "", "here", "later"])
    assert wait_until(lambda: next(values)) == "here"

    async def coming() -> str:
        return next(values)

    assert asyncio.run(until(coming, "it comes")) == "later"


def test_a_wait_that_fails_names_the_condition_and_its_last_value() -> None:
    with pytest.raises(AssertionError, match=r"not within 0 s: the book arrives .*last value: \[\]"):
        wait_until(list, "the book arrives", 0)
    with pytest.raises(AssertionError, match=r"until\(lambda: 5 > 6, within_s=0\)"):
        asyncio.run(until(lambda: 5 > 6, within_s=0))


async def test_a_task_is_a_value_and_is_not_awaited() -> None:
    task = asyncio.create_task(asyncio.Event().wait())
    assert await until(lambda: task) is task
    task.cancel()
