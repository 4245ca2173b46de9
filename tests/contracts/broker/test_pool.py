"""The bounded pool: callers wait for a connection, in turn, and never longer than its time-out."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import redis

from contracts.broker.pool import BoundedPool
from tests.support.waiting import DEADLINE_S


def pool_of_one(monkeypatch: pytest.MonkeyPatch, *, timeout_s: float = 30.0) -> BoundedPool:
    async def connected(*_: Any) -> None:
        return None

    monkeypatch.setattr(BoundedPool, "ensure_connection", connected)
    return BoundedPool(max_connections=1, socket_timeout=timeout_s)


async def test_a_caller_gets_the_connection_although_the_one_before_it_was_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = pool_of_one(monkeypatch)
    connection = await pool.get_connection()
    first, second = (asyncio.create_task(pool.get_connection()) for _ in range(2))
    while not pool._slots._waiters or len(pool._slots._waiters) < 2:
        await asyncio.sleep(0)
    await pool.release(connection)  # the first caller's turn
    first.cancel()
    async with asyncio.timeout(DEADLINE_S):
        assert await second is connection
    assert first.cancelled()


async def test_a_caller_that_waits_too_long_is_told_that_the_broker_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = pool_of_one(monkeypatch, timeout_s=0.01)
    await pool.get_connection()
    with pytest.raises(redis.exceptions.TimeoutError, match="every connection is waiting"):
        await pool.get_connection()


async def test_a_connection_that_cannot_connect_is_free_for_the_next_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = pool_of_one(monkeypatch)

    async def refused(*_: Any) -> None:
        raise redis.exceptions.ConnectionError("refused")

    monkeypatch.setattr(BoundedPool, "ensure_connection", refused)
    for _ in range(2):
        with pytest.raises(redis.exceptions.ConnectionError, match="refused"):
            await pool.get_connection()
