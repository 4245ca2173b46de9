"""Whether the system moves on: how often each loop had its turn, counted by its broker in the commands of that loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import redis

__all__ = ["PATIENCE_TURNS", "Standstill", "count_turns", "while_others_turn"]

PATIENCE_TURNS = 600
"""At 20 turns a second, at most, half a minute: five times as long as any process waits by its own intervals. A slow
machine has fewer turns a second, and so more time."""

SILENCE_S = 120.0
"""How long is waited if no loop turns at all, as when every process has ended."""


class Standstill(Exception):
    """A condition was not met although all loops turned; no more values can be written."""


def count_turns(frames: redis.Redis, events: redis.Redis) -> Mapping[str, int]:
    """How often each loop had its turn, or its heartbeat. A command that fails counts too."""
    in_frames, in_events = _calls(frames), _calls(events)
    heartbeats = in_frames("zrem")  # both kinds of worker begin a turn with this command
    return {
        "gateway": in_events("xinfo|groups"),
        "recorder": in_events("zrangebyscore"),
        "extractor": in_frames("xautoclaim"),
        "heartbeats": heartbeats,
        "live": heartbeats - in_frames("zrangebyscore"),  # which is the extractor's heartbeat
    }


def _calls(broker: redis.Redis) -> Callable[[str], int]:
    stats: Any = broker.info("commandstats")
    return lambda command: int(stats.get(f"cmdstat_{command}", {}).get("calls", 0))


async def while_others_turn(
    condition: Callable[[], Awaitable[bool]], turns: Callable[[], Awaitable[Mapping[str, int]]], what: str
) -> None:
    """Wait for a condition for as long as no loop has had `PATIENCE_TURNS`.

    Raises:
        Standstill: it has not come.
    """
    loop = asyncio.get_running_loop()
    deadline, before = loop.time() + SILENCE_S, await turns()
    while not await condition():
        now = await turns()
        had = max(now[name] - before[name] for name in before)
        if had >= PATIENCE_TURNS:
            raise Standstill(f"{what} (another loop had {had} turns meanwhile)")
        if loop.time() >= deadline:
            raise Standstill(f"{what} (no loop had {PATIENCE_TURNS} turns within {SILENCE_S:g} s)")
        await asyncio.sleep(0.02)
