"""The capture endpoint behind a real uvicorn, in this process, with a real WebSocket client."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import fakeredis
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from contracts.broker import keys
from contracts.broker.roles import AsyncBroker
from contracts.broker.script import run
from contracts.process.settings import Settings
from contracts.rules.limits import CaptureLimits
from contracts.state import sessions
from contracts.state.captures import CaptureState, claim
from contracts.state.events import EventEntry
from contracts.state.records import CaptureRecord
from gateway.capture import lifecycle
from gateway.capture.endpoint import capture_endpoint
from gateway.server.uvicorn_server import server_config
from gateway.state import GatewayState
from tests.support.messages import SESSION, Client, jpeg
from tests.support.waiting import PATIENT, until

DEADLINE_S = 300.0


@dataclass
class Ended:
    """The close code and reason of a socket, and every JSON message that came before."""

    code: int
    reason: str
    messages: list[dict[str, Any]]

    @property
    def aborts(self) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["event"] == "capture.abort"]


class Socket:
    """A client's end of the connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.messages: list[dict[str, Any]] = []

    async def send(self, *messages: str | bytes) -> None:
        try:
            for message in messages:
                await self.connection.send(message)
        except ConnectionClosed:
            return  # ended() returns the close code

    async def frame(self, client: Client, seq: int, payload: bytes | None = None, **changes: Any) -> None:
        payload = jpeg() if payload is None else payload
        await self.send(client.meta(seq, len(payload), **changes), payload)

    async def frames(self, client: Client, first: int, last: int) -> None:
        for seq in range(first, last + 1):
            await self.frame(client, seq)

    def closed(self) -> str:
        """The close code and reason; empty while the socket is open."""
        if self.connection.state is not State.CLOSED:
            return ""
        return f"the socket closed with {self.connection.close_code} {self.connection.close_reason}"

    async def message(self) -> dict[str, Any]:
        async with asyncio.timeout(DEADLINE_S):
            self.messages.append(orjson.loads(await self.connection.recv()))
        return self.messages[-1]

    async def ended(self) -> Ended:
        async with asyncio.timeout(DEADLINE_S):
            try:
                while True:
                    self.messages.append(orjson.loads(await self.connection.recv()))
            except ConnectionClosed:
                await self.connection.wait_closed()
        assert self.connection.close_code is not None
        return Ended(self.connection.close_code, self.connection.close_reason or "", self.messages)


class Served:
    """A gateway with only the capture endpoint, and its two brokers."""

    def __init__(self, state: GatewayState, port: int) -> None:
        self.state = state
        self.port = port

    @asynccontextmanager
    async def socket(self) -> AsyncIterator[Socket]:
        async with connect(
            f"ws://127.0.0.1:{self.port}/camera_feed_worker/capture", max_size=None, **PATIENT
        ) as connection:
            yield Socket(connection)

    async def session(self, session_id: str = SESSION, user_id: str = "user-1") -> None:
        entry = EventEntry(b"{}", user_id, session_id, "3f2504e0-4f89-41d3-9a0c-0305e82c3301")
        await run(self.state.events, sessions.start_session("request", b"{}", entry))

    async def end_session(self, session_id: str = SESSION, user_id: str = "user-1") -> None:
        entry = EventEntry(b"{}", user_id, session_id, "3f2504e0-4f89-41d3-9a0c-0305e82c3302")
        await run(self.state.events, sessions.end_session("request-2", b"{}", entry))

    async def record(self, client: Client) -> CaptureRecord | None:
        fields = await self.state.events.hgetall(keys.capture_record(client.capture_id))  # type: ignore[misc]
        return CaptureRecord.decode(fields) if fields else None

    async def entries(self, client: Client) -> list[tuple[bytes, dict[bytes, bytes]]]:
        return await self.state.frames.xrange(keys.capture_keys(client.capture_id).frames)  # type: ignore[no-any-return]

    async def claim(self, client: Client) -> CaptureState:
        claimed = await run(self.state.frames, claim(client.capture_id, "1-0"))
        assert claimed is not None
        return claimed


@asynccontextmanager
async def serving(
    frames: AsyncBroker | None = None, events: AsyncBroker | None = None, memory_share: float = 0.0, **limits: Any
) -> AsyncIterator[Served]:
    """Serve the endpoint on a free port, with fake brokers (which lack INFO) unless real ones are given."""
    if frames is None:
        with mock.patch.object(lifecycle, "memory_share", mock.AsyncMock(return_value=memory_share)):
            async with _serving(fakeredis.FakeAsyncRedis(), fakeredis.FakeAsyncRedis(), limits) as served:
                yield served
    else:
        assert events is not None
        async with _serving(frames, events, limits) as served:
            yield served


@asynccontextmanager
async def _serving(frames: AsyncBroker, events: AsyncBroker, limits: dict[str, Any]) -> AsyncIterator[Served]:
    state = GatewayState(
        settings=Settings(capture=CaptureLimits(**limits)),
        frames=frames,
        events=events,
        refusal="",
    )
    app = Starlette(routes=[WebSocketRoute("/camera_feed_worker/capture", capture_endpoint)])
    app.state.gateway = state
    config = server_config(app, state.settings, state.unfinished)
    config.timeout_graceful_shutdown = 1
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving_task = asyncio.create_task(server._serve([listener]))  # no signal handlers in a test
        await until(lambda: server.started, "the server starts", unless=serving_task.done)
        try:
            yield Served(state, listener.getsockname()[1])
        finally:
            state.draining.set()
            await until(lambda: state.active_captures == 0, "every capture ends")
            server.should_exit = True
            await serving_task
            await state.frames.aclose()
            await state.events.aclose()
