"""Heartbeats in the frames role: which extractors and live workers are alive.

Each process writes the broker's time to a zset every few seconds. A process that has not done so for a while is not
alive; nor is one whose heartbeat lies in the future, because the broker's clock was set back.
"""

from __future__ import annotations

from typing import Any

from contracts.broker.keys import EXTRACTORS, LIVE_WORKERS
from contracts.broker.roles import AsyncBroker, Broker, broker_errors, broker_time_ms
from contracts.broker.script import Call
from contracts.state.live import SILENT_MS

__all__ = [
    "EXTRACTOR_ALIVE_MS",
    "alive",
    "count_extractors",
    "count_live_workers",
    "deregister_extractor",
    "deregister_live_worker",
    "extractor_ages",
    "live_worker_ages",
]

EXTRACTOR_ALIVE_MS = 10_000
"""An extractor counts as alive for so long after its last heartbeat."""

FORGET_MS = 60_000
"""An extractor stays listed for so long after its last heartbeat."""


def alive(extractor: str) -> Call[list[str]]:
    """Write the heartbeat of this extractor process; returns the extractors that this call removed as silent."""

    def read(names: list[bytes]) -> list[str]:
        return [name.decode(errors="surrogateescape") for name in names]

    return Call("frames", "alive", [EXTRACTORS], [extractor, FORGET_MS], read)


async def count_extractors(broker: AsyncBroker) -> int:
    """How many extractors are alive.

    Raises:
        BrokerUnavailable: the frames broker did not answer.
        UnreadableValue: the key does not hold a zset.
    """
    now_ms = await broker_time_ms(broker, "frames", EXTRACTORS)
    with broker_errors("frames"):
        return int(await broker.zcount(EXTRACTORS, f"({now_ms - EXTRACTOR_ALIVE_MS}", now_ms + EXTRACTOR_ALIVE_MS))


async def count_live_workers(broker: AsyncBroker) -> int:
    """How many live workers are alive. Errors as `count_extractors`."""
    now_ms = await broker_time_ms(broker, "frames", LIVE_WORKERS)
    with broker_errors("frames"):
        return int(await broker.zcount(LIVE_WORKERS, f"({now_ms - SILENT_MS}", now_ms + SILENT_MS))


def extractor_ages(broker: Broker) -> dict[bytes, float]:
    """The extractors that are alive, with the seconds since each one's heartbeat. Errors as `count_extractors`."""
    with broker_errors("frames"):
        return _ages(broker.time(), broker.zrange(EXTRACTORS, 0, -1, withscores=True), EXTRACTOR_ALIVE_MS)


def live_worker_ages(broker: Broker) -> dict[bytes, float]:
    """`extractor_ages` of the live workers."""
    with broker_errors("frames"):
        return _ages(broker.time(), broker.zrange(LIVE_WORKERS, 0, -1, withscores=True), SILENT_MS)


def _ages(now: Any, heartbeats: Any, alive_ms: int) -> dict[bytes, float]:
    ages_s = {name: now[0] + now[1] / 1_000_000 - at_ms / 1000 for name, at_ms in heartbeats}
    return {name: age_s for name, age_s in ages_s.items() if 1000 * abs(age_s) < alive_ms}


def deregister_extractor(broker: Broker, extractor: str) -> None:
    """Remove an extractor that stops. Errors as `count_extractors`."""
    with broker_errors("frames"):
        broker.zrem(EXTRACTORS, extractor)


def deregister_live_worker(broker: Broker, worker: str) -> None:
    """Remove a live worker that stops: its sessions go to another worker at once. Errors as `count_extractors`."""
    with broker_errors("frames"):
        broker.zrem(LIVE_WORKERS, worker)
