"""The waits return the value they waited for, and a failure names what was missing."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.waiting import needed, until, wait_until


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


def test_a_wait_for_a_condition_that_became_impossible_fails_at_once() -> None:
    for wait in (wait_until, lambda *args, **options: asyncio.run(until(*args, **options))):
        with pytest.raises(AssertionError, match="the book arrives: impossible now: the shop is closed"):
            wait(list, "the book arrives", unless=lambda: "the shop is closed")
        assert wait(lambda: "the book", "the book arrives", unless=lambda: "the shop is closed") == "the book"


def test_a_condition_that_is_met_just_before_it_becomes_impossible_counts() -> None:
    closed: list[str] = []

    def arrives_before_the_shop_closes() -> bool:
        arrived = bool(closed)
        closed.append("the shop is closed")  # after the condition was read, and before the next look at `unless`
        return arrived

    assert wait_until(arrives_before_the_shop_closes, unless=lambda: closed)


def test_a_needed_task_that_fails_ends_the_test_at_once() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    async def scenario() -> None:
        helper = needed(asyncio.create_task(fail()))
        try:
            await until(lambda: False, "help arrives")
        finally:
            await helper

    with pytest.raises(ZeroDivisionError):
        asyncio.run(scenario())


async def test_a_task_is_a_value_and_is_not_awaited() -> None:
    task = asyncio.create_task(asyncio.Event().wait())
    assert await until(lambda: task) is task
    task.cancel()
