"""Steps that may be repeated, repeated once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import redis

from contracts.broker.roles import BrokerFull
from contracts.rules.errors import BrokerUnavailable

__all__ = ["once_more"]

T = TypeVar("T")


async def once_more(step: Callable[[], Awaitable[T]]) -> T:
    """Run a step that may run twice; if its connection turned out to be cut, run it once more.

    A broker that was restarted leaves cut connections in the pool, and each shows itself by one failure.

    Raises:
        BrokerUnavailable: the broker is away, slow or full.
    """
    try:
        return await step()
    except BrokerFull:
        raise
    except BrokerUnavailable as error:
        if isinstance(error.__cause__, redis.exceptions.TimeoutError):
            raise
    return await step()
