"""A whole recorder, or its parts, on a test's own real brokers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import redis

from contracts.broker import keys
from contracts.broker.roles import AsyncBroker, connect, ensure_group
from contracts.process.settings import Settings
from contracts.rules.paths import session_log_path
from contracts.state.events import EventEntry, Receipt, append_event, await_receipt, split_line
from recorder.__main__ import serve
from recorder.consumer import Consumer, Leadership
from recorder.handler import EntryHandler
from tests.conftest import BrokerPair
from tests.recorder.samples import make_log_dir
from tests.support.waiting import DEADLINE_S, until


@dataclass
class Dependencies:
    """A pair of brokers of the test's own, a log root, and a client."""

    pair: BrokerPair
    log_root: Path
    events: AsyncBroker

    def settings(self, **changes: Any) -> Settings:
        return Settings(log_root=self.log_root, **changes)

    @asynccontextmanager
    async def recorder(self, **changes: Any) -> AsyncIterator[None]:
        """A whole recorder, from start to clean stop."""
        frames, events = connect(self.pair.frames.url), connect(self.pair.events.url)
        stopping = asyncio.Event()
        task = asyncio.create_task(serve(frames, events, self.settings(**changes), stopping))
        try:
            yield
            assert not task.done(), task
        finally:
            stopping.set()
            await asyncio.wait_for(task, DEADLINE_S)
            await frames.aclose()
            await events.aclose()

    def part(self, name: str) -> tuple[Leadership, EntryHandler, Consumer]:
        """The parts of one recorder; the test runs each step itself."""
        leadership = Leadership(self.events, name)
        handler = EntryHandler(self.events, self.settings(), lambda: datetime.now(UTC))
        return leadership, handler, Consumer(self.events, leadership, handler)

    async def put(self, *entries: EventEntry) -> list[str]:
        return [await append_event(self.events, each) for each in entries]

    async def receipt(self, entry_id: str) -> Receipt:
        receipt = await await_receipt(self.events, entry_id, 20)
        assert receipt is not None, "the recorder did not answer"
        return receipt

    def log(self, session_id: str) -> Path:
        return session_log_path(self.log_root, "u1", session_id)

    def lines(self, session_id: str) -> list[bytes]:
        log = self.log(session_id)
        lines = log.read_bytes().splitlines(keepends=True) if log.is_file() else []
        parts = [split_line(line) for line in lines]
        return [part[1] for part in parts if part is not None]

    async def drained(self) -> None:
        """Wait until the stream is empty and nothing is pending."""

        async def empty() -> bool:
            try:
                pending: Any = await self.events.xpending(keys.EVENTS, keys.RECORDER_GROUP)
                return await self.events.xlen(keys.EVENTS) == 0 and pending["pending"] == 0
            except redis.exceptions.RedisError:  # the group is not made yet, or the broker restarts
                return False

        await until(empty)

    async def dead(self) -> list[dict[bytes, bytes]]:
        return [fields for _, fields in await self.events.xrange(keys.DEAD_EVENTS)]

    async def taken_by(self, name: str, count: int) -> list[str]:
        """Read entries for ``name`` and do nothing with them."""
        await ensure_group(self.events, "events", keys.EVENTS, keys.RECORDER_GROUP)
        answer: Any = await self.events.xreadgroup(keys.RECORDER_GROUP, name, {keys.EVENTS: ">"}, count=count)
        [(_, entries)] = answer
        return [entry_id.decode() for entry_id, _ in entries]


@asynccontextmanager
async def dependencies_on(pair: BrokerPair, log_root: Path) -> AsyncIterator[Dependencies]:
    make_log_dir(log_root)
    events = connect(pair.events.url)
    try:
        yield Dependencies(pair, log_root, events)
    finally:
        await events.aclose()


def bodies(*entries: EventEntry) -> list[bytes]:
    return [each.event for each in entries]


async def true_when(condition: bool) -> bool:
    return condition
