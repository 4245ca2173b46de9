"""However a connection ends, it leaves no task and no broker connection in the process."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import AsyncExitStack

import pytest
import redis.asyncio

from contracts.broker.roles import connect
from tests.conftest import BrokerPair
from tests.gateway.capture.served import Served, serving
from tests.support.messages import Client, jpeg
from tests.support.waiting import until

pytestmark = pytest.mark.real

PLACES = 8
ENDINGS = ("idle", "opening", "meta", "frames", "closing", "garbage")


async def end(served: Served, client: Client, ending: str) -> None:
    """Run a capture up to the step ``ending``; then its client disconnects."""
    messages: dict[str, list[str | bytes]] = {
        "idle": [],
        "opening": [client.open(progress=True)],
        "meta": [client.open(), client.meta(1)],
        "frames": [client.open(progress=True), client.meta(1), jpeg(), client.meta(2), jpeg()],
        "closing": [client.open(), client.meta(1), jpeg(), client.close()],
        "garbage": [client.open(), "{"],
    }
    async with served.socket() as socket:
        await socket.send(*messages[ending])
        socket.connection.transport.abort()


async def every_place_is_free(broker: redis.asyncio.Redis) -> None:
    """Every connection of the pool is free: each subscriber keeps one, and a missing one is a time-out."""
    async with AsyncExitStack() as stack:
        for _ in range(PLACES):
            subscriber = await stack.enter_async_context(broker.pubsub())
            await subscriber.subscribe("nothing is said here")


async def test_many_connections_leave_no_task_and_no_broker_connection(brokers: BrokerPair, unique: str) -> None:
    frames, events = (connect(broker.url, max_connections=PLACES) for broker in (brokers.frames, brokers.events))
    async with serving(frames, events, max_captures_per_user=100) as served:
        session_id = f"sess_{unique}"
        await served.session(session_id)
        before = asyncio.all_tasks()
        clients = [(Client(str(uuid.uuid4()), session_id=session_id), name) for name in ENDINGS * PLACES]
        await asyncio.gather(*(end(served, client, name) for client, name in clients))

        async def nothing_left() -> bool:
            return served.state.open_sockets == 0 and asyncio.all_tasks() <= before

        await until(nothing_left, "every task of every connection has ended")
        assert served.state.active_captures == 0
        for broker in (frames, events):
            assert isinstance(broker, redis.asyncio.Redis)
            await every_place_is_free(broker)
