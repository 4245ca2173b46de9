"""redis-py's asynchronous client with a bounded pool, in which callers wait, and one connection that all share."""

from __future__ import annotations

import asyncio
from typing import Any

import redis
import redis.asyncio

from contracts.broker.shared_connection import SharedConnection

__all__ = ["BoundedPool", "SharingClient"]


class BoundedPool(redis.asyncio.ConnectionPool):
    """A pool in which a caller waits if every connection is in use; redis-py's pool raises an error.

    redis-py's ``BlockingConnectionPool`` waits with an ``asyncio.Condition``, which loses a wake-up on Python 3.11 if
    the caller that was woken is cancelled (CPython issue 112202): with 30 callers, two connections and cancellations,
    the others waited for its time-out although a connection was free. A semaphore passes the wake-up on.
    """

    def __init__(self, *, max_connections: int, **options: Any) -> None:
        super().__init__(max_connections=max_connections, **options)
        self._wait_s: float = options["socket_timeout"]
        self._slots = asyncio.Semaphore(max_connections)

    async def get_connection(self, *_: Any, **__: Any) -> Any:
        try:
            async with asyncio.timeout(self._wait_s):
                await self._slots.acquire()
        except TimeoutError as error:
            raise redis.exceptions.TimeoutError("every connection is waiting for an answer") from error
        connection = self.get_available_connection()  # type: ignore[no-untyped-call]
        try:
            await self.ensure_connection(connection)
        except BaseException:
            await self.release(connection)
            raise
        return connection

    async def release(self, connection: Any) -> None:
        try:
            await super().release(connection)
        finally:
            self._slots.release()


class SharingClient(redis.asyncio.Redis):
    """redis-py's client with one more connection beside its pool. All frequent commands share that connection."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        pool = self.connection_pool
        self.shared = SharedConnection(
            lambda: pool.connection_class(**pool.connection_kwargs), pool.connection_kwargs["socket_timeout"]
        )

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        await self.shared.aclose()
        await super().aclose(close_connection_pool)
