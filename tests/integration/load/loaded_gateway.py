"""One gateway process under load: its brokers, a drain in place of extractors, and measurements of the process."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from contracts.broker import keys
from contracts.broker.roles import AsyncBroker, connect
from contracts.state.records import CaptureRecord
from tests.conftest import BrokerPair
from tests.integration.load.drain import Drain
from tests.integration.load.sockets import DEADLINE_S, PATH, BareSocket, Streaming
from tests.support.gateway import GatewayProcess, serving
from tests.support.messages import Client
from tests.support.waiting import until

CAPTURES_PER_USER = 4


class LoadedGateway:
    """A running gateway and its clients, at most `CAPTURES_PER_USER` of each user."""

    def __init__(self, gateway: GatewayProcess, frames: AsyncBroker, events: AsyncBroker, slots: int) -> None:
        self.gateway = gateway
        self.port = int(gateway.address.rsplit(":", 1)[1])
        self.frames = frames
        self.events = events
        self.drain = Drain(frames, events, slots)
        self._bare: list[BareSocket] = []
        self._http = httpx.AsyncClient(base_url=gateway.address, timeout=DEADLINE_S)

    async def bare(self, *, small: bool = False) -> BareSocket:
        """A TCP connection on which nothing was sent."""
        self._bare.append(await BareSocket.connect(self.port, small=small))
        return self._bare[-1]

    async def socket(self, path: str = PATH, *, small: bool = False) -> BareSocket:
        """A WebSocket on which no message was sent."""
        bare = await self.bare(small=small)
        await bare.handshake(path)
        return bare

    async def captures(self, count: int, frames: int = 30) -> list[Streaming]:
        """New captures, not open yet, of new users with a session each."""
        made: list[Streaming] = []
        for number in range(count):
            if number % CAPTURES_PER_USER == 0:
                user_id, session_id = f"user-{uuid.uuid4().hex[:12]}", f"sess_{uuid.uuid4().hex[:16]}"
                fields = {"user_id": user_id, "status": "active"}
                await self.events.hset(keys.session(session_id), mapping=fields)  # type: ignore[misc]
            made.append(Streaming(self.port, Client(user_id=user_id, session_id=session_id), frames))
        return made

    async def record(self, client: Client) -> CaptureRecord | None:
        fields = await self.events.hgetall(keys.capture_record(client.capture_id))  # type: ignore[misc]
        return CaptureRecord.decode(fields) if fields else None

    async def claimed(self, client: Client) -> bool:
        """Whether an extractor has, or had, the capture."""
        return bool(await self.frames.hexists(keys.capture_keys(client.capture_id).state, "token"))  # type: ignore[misc]

    async def published(self, captures: list[Streaming]) -> None:
        wanted = {capture.client.capture_id for capture in captures}
        await until(lambda: wanted <= self.drain.published, "every capture is published")

    async def active_captures(self) -> int:
        answer = await self._http.post("/camera_feed_worker/capture.tick")
        return int(answer.json()["active_captures"])

    async def readyz(self) -> str:
        return (await self._http.get("/readyz")).text

    def memory_bytes(self) -> int:
        """The gateway's resident memory."""
        status = Path(f"/proc/{self.gateway.process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS:"))

    def descriptors(self) -> int:
        """How many files and sockets the gateway has open."""
        return len(list(Path(f"/proc/{self.gateway.process.pid}/fd").iterdir()))

    async def has_read_all(self) -> None:
        """Wait until the system keeps no byte for the gateway that a client has sent."""

        def read() -> bool:
            lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
            queues = [queue for _, local, _, _, queue, *_ in lines if int(local.split(":")[1], 16) == self.port]
            return all(int(queue.split(":")[1], 16) == 0 for queue in queues)

        await until(read, "the gateway has read all")

    async def quiet(self, descriptors: int = 0) -> None:
        """Wait until no capture is open and, if ``descriptors`` is given, no more descriptors than that."""

        async def done() -> bool:
            return not await self.active_captures() and self.descriptors() <= (descriptors or 1 << 30)

        await until(done, "the gateway is quiet")

    async def aclose(self) -> None:
        for bare in self._bare:
            bare.drop()
        await self._http.aclose()


@asynccontextmanager
async def loaded_gateway(
    folder: Path, brokers: BrokerPair, *, slots: int = 8, **settings: str
) -> AsyncIterator[LoadedGateway]:
    """A gateway that takes captures; they are not drained until ``loaded.drain.running()``."""
    with serving(folder, brokers, **settings) as gateway:
        frames, events = connect(brokers.frames.url), connect(brokers.events.url)
        loaded = LoadedGateway(gateway, frames, events, slots)
        try:

            async def checked() -> bool:
                return "brokers" not in await loaded.readyz()

            await until(checked, "the brokers are checked")
            yield loaded
        finally:
            await loaded.aclose()
            await frames.aclose()
            await events.aclose()
