"""Read the contents of the brokers into the gauges: what waits, for how long, and how many workers run."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import redis

from contracts.broker import keys
from contracts.broker.roles import AsyncBroker, BrokerForbids, Role, broker_errors, broker_time_ms, highest_memory_share
from contracts.process.logs import get_logger
from contracts.rules.errors import BrokerUnavailable
from contracts.state import heartbeats, uploads
from gateway.metrics import GatewayMetrics

__all__ = ["set_gauges"]

log = get_logger()


async def set_gauges(metrics: GatewayMetrics, role: Role, broker: AsyncBroker | None) -> None:
    """Set every gauge of a role from its broker. Set them to NaN if ``broker`` is None, does not answer, or holds
    values that cannot be read. Raises only fatal errors."""
    gauges = metrics.brokers
    numbers: Mapping[str, float] = {}
    try:
        if broker is not None:
            with broker_errors(role):
                numbers = await _READERS[role](broker)
    except (BrokerUnavailable, BrokerForbids, redis.exceptions.RedisError) as error:
        log.warning("cannot read a broker's gauges", role=role, exc_info=error)
    except Exception as error:
        metrics.background.note(f"{role}_gauges", error)
    gauges.ready.labels(role).set(broker is not None)
    for name, gauge in (gauges.frames if role == "frames" else gauges.events).items():
        gauge.set(numbers.get(name, math.nan))


async def _read_frames(frames: AsyncBroker) -> Mapping[str, float]:
    waiting = await _read_group(frames, keys.CAPTURES, keys.EXTRACTOR_GROUP)
    videos = await _read_group(frames, keys.UPLOADS, keys.EXTRACTOR_GROUP)
    slots, unreadable = await uploads.read_slots(frames)
    for member in unreadable:
        log.warning("cannot read the slot of a video", key=keys.UPLOAD_PLACES, member=repr(member)[:200])
    now_ms = await broker_time_ms(frames, "frames", keys.CAPTURES)
    released = await _released(frames, keys.CAPTURES)
    videos_released = await _released(frames, keys.UPLOADS)
    oldest = [entry_id for entry_id in (waiting.first_undelivered, released.first) if entry_id]
    return {
        "backlog": waiting.lag + released.count,
        "oldest_waiting_s": max([0.0, *((now_ms - _time_of(entry_id)) / 1000 for entry_id in oldest)]),
        "lag": waiting.lag,
        "pending": waiting.pending,
        "uploads": videos.lag + videos_released.count,
        "upload_bytes": sum(slot.byte_length for slot in slots),
        "extractors": await heartbeats.count_extractors(frames),
        "live_workers": await heartbeats.count_live_workers(frames),
        "memory": await highest_memory_share(frames),
    }


async def _read_events(events: AsyncBroker) -> Mapping[str, float]:
    waiting = await _read_group(events, keys.EVENTS, keys.RECORDER_GROUP)
    return {
        "lag": waiting.lag,
        "pending": waiting.pending,
        "active": await events.exists(keys.RECORDER_LEADER),
        "unfinished": await events.zcard(keys.UNFINISHED),
        "dead": await events.xlen(keys.DEAD_EVENTS),
    }


_READERS: Mapping[Role, Callable[[AsyncBroker], Awaitable[Mapping[str, float]]]] = {
    "frames": _read_frames,
    "events": _read_events,
}


@dataclass(frozen=True, slots=True)
class _Group:
    """The position of a consumer group in its stream, in entries."""

    lag: int
    pending: int
    first_undelivered: bytes = b""


async def _read_group(broker: AsyncBroker, stream: str, group: str) -> _Group:
    """Read a group's position. XINFO's own ``lag`` is unknown once an entry was deleted, and this system deletes every
    finished entry. So the lag is computed: an entry in the stream that is not pending was never delivered."""
    groups: list[dict[str, Any]] = await broker.xinfo_groups(stream)
    known = next((known for known in groups if known["name"] == group.encode()), None)
    length = await broker.xlen(stream)
    if known is None:
        return _Group(length, 0)
    first: Any = await broker.xrange(stream, min=b"(" + known["last-delivered-id"], count=1)
    return _Group(max(0, length - known["pending"]), known["pending"], first[0][0] if first else b"")


@dataclass(frozen=True, slots=True)
class _Released:
    """Captures that an extractor handed back and that wait for another one."""

    count: int
    first: bytes = b""


async def _released(frames: AsyncBroker, queue: str) -> _Released:
    summary: Any = await frames.xpending(queue, keys.EXTRACTOR_GROUP)
    for consumer in summary["consumers"]:
        if consumer["name"] == keys.RELEASED.encode():
            first: Any = await frames.xpending_range(
                queue, keys.EXTRACTOR_GROUP, "-", "+", 1, consumername=keys.RELEASED
            )
            return _Released(int(consumer["pending"]), first[0]["message_id"] if first else b"")
    return _Released(0)


def _time_of(entry_id: bytes) -> int:
    return int(entry_id.partition(b"-")[0])
