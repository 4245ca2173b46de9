"""Replaces the extractors at the lowest cost: deletes frames without decoding them, and counts them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from contracts.broker import keys
from contracts.broker.roles import AsyncBroker
from contracts.broker.script import run
from contracts.state import captures, heartbeats
from contracts.state.dispatch import DispatchEntry
from scripts.measurements.bare_gateway import STREAMS

__all__ = ["Drain", "draining"]

PERIOD_S = 0.01
ALIVE_EVERY_S = 2.0
NAME = "bench"

_CAPTURES = """
local answer = {}
for i = 1, #KEYS, 3 do
  local s = redis.call('HMGET', KEYS[i], 'status', 'accepted', 'extracted')
  if s[1] and redis.call('XTRIM', KEYS[i + 1], 'MAXLEN', 0) > 0 then
    redis.call('HSET', KEYS[i], 'extracted', s[2], 'backlog_bytes', 0)
  end
  if s[1] ~= 'open' then redis.call('DEL', KEYS[i], KEYS[i + 1], KEYS[i + 2]) end
  table.insert(answer, s[1] ~= 'open' and 1 or 0)
  table.insert(answer, s[1] and s[2] - s[3] or 0)
end
return answer
"""
"""Leaves a capture as the row script does after all its frames; deletes it if it has ended."""

_BARE = """
local taken = 0
for _, key in ipairs(KEYS) do taken = taken + redis.call('XTRIM', key, 'MAXLEN', 0) end
return taken
"""


class Drain:
    """Takes every dispatched capture, and the entries of the bare streams. ``frames`` counts the frames of both."""

    def __init__(self, broker: AsyncBroker) -> None:
        self.frames = 0
        self._broker: Any = broker
        self._captures: list[str] = []
        self._last_id = "0"

    async def run(self) -> None:
        """Delete frames a hundred times a second, until cancelled."""
        loop = asyncio.get_running_loop()
        said_at = -ALIVE_EVERY_S
        while True:
            if loop.time() - said_at >= ALIVE_EVERY_S:
                await run(self._broker, heartbeats.alive(NAME))
                said_at = loop.time()
            await self._claim()
            if self._captures:
                await self._take()
            self.frames += await self._broker.eval(_BARE, len(STREAMS), *STREAMS)
            await asyncio.sleep(PERIOD_S)

    async def _claim(self) -> None:
        for _, entries in await self._broker.xread({keys.CAPTURES: self._last_id}):
            for entry_id, fields in entries:
                self._last_id = entry_id.decode()
                capture_id = DispatchEntry.decode(fields).capture_id
                if await run(self._broker, captures.claim(capture_id, self._last_id)) is not None:
                    self._captures.append(capture_id)
                await self._broker.xdel(keys.CAPTURES, entry_id)

    async def _take(self) -> None:
        names = [name for capture_id in self._captures for name in keys.capture_keys(capture_id)]
        answer = await self._broker.eval(_CAPTURES, len(names), *names)
        self.frames += sum(answer[1::2])
        self._captures = [one for one, ended in zip(self._captures, answer[::2], strict=True) if not ended]


@asynccontextmanager
async def draining(broker: AsyncBroker) -> AsyncIterator[Drain]:
    """Run a drain while the block runs."""
    drain = Drain(broker)
    running = asyncio.create_task(drain.run())
    try:
        yield drain
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
