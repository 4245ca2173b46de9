"""The real-time lane behind the real server, in this process, on a real broker, with a minimal worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import fakeredis
import orjson
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from contracts.broker import roles as contracts_broker
from contracts.broker.keys import live_inbox
from contracts.broker.roles import AsyncBroker, broker_errors
from contracts.broker.script import run
from contracts.messages.live import PipelineResult
from contracts.process.settings import Settings
from contracts.rules.errors import BrokerUnavailable
from contracts.state import live as live_lane
from contracts.state.live import Answer, LiveFrame
from gateway.app import create_app
from gateway.live.lane import LiveLane
from gateway.server.uvicorn_server import GatewayServer
from gateway.state import GatewayState
from gateway.tasks import cancel_all
from tests.support.brokers import FRAMES, BrokerProcess
from tests.support.gateway import served
from tests.support.messages import jpeg
from tests.support.waiting import PATIENT, needed, until

DEADLINE_S = 300.0
PATH = "/ws/video/stream"


@cache
def result_text(pipeline_id: str, note: str = "") -> bytes:
    """The text of a worker's result for a frame."""
    result = {"pipeline": pipeline_id, "landmarks": {}, "timing_ms": {"decode": 1.0, "inference": 2.0}}
    detection = {"label": note or "person", "confidence": 0.5, "box": [0, 0, 1, 1]}
    return (
        PipelineResult.model_validate_json(orjson.dumps(result | {"detections": [detection]}))
        .model_dump_json()
        .encode()
    )


@dataclass
class TinyWorker:
    """Takes frames from its inbox in order and answers each with ``respond``. ``hold`` delays the answers."""

    frames: AsyncBroker
    name: str
    respond: Callable[[LiveFrame], Answer] = field(
        default=lambda frame: Answer(frame.live_id, frame.frame_index, result_text(frame.pipeline_id))
    )
    seen: list[LiveFrame] = field(default_factory=list)
    sessions: set[str] = field(default_factory=set)
    free: asyncio.Event = field(default_factory=asyncio.Event)
    mute: bool = False

    def hold(self) -> None:
        self.free.clear()

    def release(self) -> None:
        self.free.set()

    async def announce(self) -> None:
        self.sessions = await run(self.frames, live_lane.alive(self.name))

    def tasks(self) -> list[asyncio.Task[None]]:
        self.free.set()
        return [asyncio.create_task(self._beat()), asyncio.create_task(self._serve())]

    async def _beat(self) -> None:
        while True:
            with suppress(BrokerUnavailable):
                if not self.mute:
                    await self.announce()
            await asyncio.sleep(0.05)

    async def _serve(self) -> None:
        while True:
            try:
                await self._take(live_inbox(self.name))
            except BrokerUnavailable:
                await asyncio.sleep(0.05)

    async def _take(self, inbox: str) -> None:
        with broker_errors("frames"):
            streams: Any = await self.frames.xread({inbox: "0-0"}, count=1, block=200)
        for _, [(entry_id, fields)] in streams:
            await run(self.frames, live_lane.drop(inbox, [entry_id]))
            frame = LiveFrame.decode(fields)
            self.seen.append(frame)
            await self.free.wait()
            await run(self.frames, live_lane.put_answer(frame.gateway, self.respond(frame)))


@dataclass
class Ended:
    """The close code and reason of a socket, and every message that came before."""

    code: int | None
    reason: str
    messages: list[dict[str, Any]]

    @property
    def error(self) -> dict[str, Any]:
        """The last message, which must be an error."""
        assert set(self.messages[-1]) == {"error", "detail"}, self.messages[-1:]
        return self.messages[-1]


@dataclass
class Socket:
    """A client's end of the connection."""

    connection: ClientConnection
    messages: list[dict[str, Any]] = field(default_factory=list)

    async def send(self, *payloads: bytes | str) -> None:
        with suppress(ConnectionClosed):  # ended() returns the close code
            for payload in payloads:
                await self.connection.send(payload)

    async def message(self) -> dict[str, Any]:
        async with asyncio.timeout(DEADLINE_S):
            self.messages.append(orjson.loads(await self.connection.recv()))
        return self.messages[-1]

    async def heard(self, count: int) -> list[dict[str, Any]]:
        """The next messages."""
        return [await self.message() for _ in range(count)]

    async def frame(self, payload: bytes | None = None) -> dict[str, Any]:
        """Send one frame and wait for the next message."""
        await self.send(jpeg() if payload is None else payload)
        return await self.message()

    async def ended(self) -> Ended:
        async with asyncio.timeout(DEADLINE_S):
            with suppress(ConnectionClosed):
                while True:
                    self.messages.append(orjson.loads(await self.connection.recv()))
            await self.connection.wait_closed()
        return Ended(self.connection.close_code, self.connection.close_reason or "", self.messages)


@dataclass
class Live:
    """A gateway whose real-time lane runs."""

    state: GatewayState
    app: Starlette
    server: GatewayServer
    running: asyncio.Task[None]
    port: int
    worker: TinyWorker | None = None

    @property
    def lane(self) -> LiveLane:
        lane: LiveLane = self.app.state.live
        return lane

    @property
    def only_worker(self) -> TinyWorker:
        assert self.worker is not None
        return self.worker

    def url(self, query: str = "?pipeline_id=pose") -> str:
        return f"ws://127.0.0.1:{self.port}{PATH}{query}"

    @asynccontextmanager
    async def socket(self, query: str = "?pipeline_id=pose", **options: Any) -> AsyncIterator[Socket]:
        connection = await connect(self.url(query), compression=None, max_size=None, **PATIENT, **options)
        try:
            yield Socket(connection)
        finally:
            if connection.state is not State.CLOSED:  # a second close fails in Python 3.11
                await connection.close()

    async def no_session(self) -> None:
        """Wait until every session has ended completely."""
        await until(lambda: not self.state.live_sessions, "every session ends")

    async def keys(self) -> list[bytes]:
        """Every key of the frames broker except the workers' heartbeats."""
        return [key async for key in self.state.frames.scan_iter() if not key.endswith(b":workers")]

    async def nothing_left(self) -> None:
        """Wait until the broker holds no key; a late answer may still come and be deleted."""
        await self.no_session()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + 8  # shorter than the shortest TTL
        while left := await self.keys():
            assert loop.time() < deadline, left
            await asyncio.sleep(0.005)


@asynccontextmanager
async def serving(
    frames_url: str, folder: Path, *, worker: bool = True, lane: bool = True, **settings: Any
) -> AsyncIterator[Live]:
    """A gateway on this broker, with one tiny worker unless ``worker`` is false."""
    frames = contracts_broker.connect(frames_url)
    folders = {"data_root": folder / "data", "log_root": folder / "logs"}
    state = GatewayState(Settings(port=0, **folders, **settings), frames, fakeredis.FakeAsyncRedis(), refusal="")
    app = create_app(state)
    tasks: list[asyncio.Task[Any]] = []
    tiny = None
    if worker:
        tiny = TinyWorker(frames, f"tiny/{folder.name}")
        await tiny.announce()
        tasks += [needed(task) for task in tiny.tasks()]
    server, running, port = await served(app, state)
    live = Live(state, app, server, running, port, tiny)
    if lane:
        tasks.append(needed(asyncio.create_task(live.lane.run())))
    try:
        yield live
    finally:
        server.stop()
        await running
        await cancel_all(tasks)
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        await frames.delete("a3cp:{live}:workers")
        await frames.aclose()
        await state.events.aclose()


def one_broker() -> Iterator[BrokerProcess]:
    """A frames broker that no other test uses; every key in it belongs to the lane."""
    process = BrokerProcess("valkey", FRAMES).start()
    yield process
    process.stop()
