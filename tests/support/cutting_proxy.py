"""A TCP proxy before a gateway that loses WebSocket connections where a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

Where = Literal["before", "within", "after"]
How = Literal["end", "reset", "silence", "late"]


@dataclass(frozen=True, slots=True)
class Cut:
    """Where to lose a connection.

    Attributes:
        message: the client's message, counted from 0; -1 is the HTTP request of the handshake.
        where: before the message, with half of its bytes, or with all of them, in which case no answer comes back.
        how: whether both ends see an end of the stream or a reset. ``silence``: the client sees an end, and the gateway
            nothing at all. ``late``: the client sees an end, and the message reaches the gateway after `release`.
    """

    message: int
    where: Where
    how: How


@dataclass
class CuttingProxy:
    """Forwards connections to ``port``.

    Attributes:
        choose: a function that is called with each WebSocket's number; returns where to cut it, or None.
        refuse: how many of the next connections to refuse, HTTP requests among them.
        sockets: how many WebSockets came so far.
        cuts: how many were cut.
    """

    port: int
    choose: Callable[[int], Cut | None] = lambda _: None
    refuse: int = 0
    sockets: int = 0
    cuts: int = 0
    url: str = ""
    release: asyncio.Event = field(default_factory=asyncio.Event)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection of a client."""
        self._open.add(writer)
        if self.refuse:
            self.refuse -= 1
            writer.transport.abort()
            return
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):  # a test may end at any time
            request = await reader.readuntil(b"\r\n\r\n")
            cut = None
            if b"upgrade: websocket" in request.lower():
                self.sockets += 1
                cut = self.choose(self.sockets)
            their_reader, their_writer = await asyncio.open_connection("127.0.0.1", self.port)
            self._open.add(their_writer)
            back = asyncio.create_task(_copy(their_reader, writer))
            if cut is None:
                their_writer.write(request)
                await _copy(reader, their_writer)
                await back
                return
            await self._forward(cut, request, reader, writer, their_writer, back)
            self.cuts += 1
            self._lose(cut, writer, their_writer, back)

    async def _forward(
        self,
        cut: Cut,
        request: bytes,
        reader: asyncio.StreamReader,
        client: asyncio.StreamWriter,
        writer: asyncio.StreamWriter,
        back: asyncio.Task[None],
    ) -> None:
        """Forward the client's messages up to the cut."""
        number, message = -1, request
        while number < cut.message:
            writer.write(message)
            number, message = number + 1, await _message(reader)
        if cut.where == "after" or cut.how == "late":
            back.cancel()  # no answer comes back
        if cut.how == "late":
            client.close()
            await self.release.wait()
        writer.write({"before": b"", "within": message[: len(message) // 2], "after": message}[cut.where])
        await writer.drain()

    def _lose(
        self, cut: Cut, client: asyncio.StreamWriter, gateway: asyncio.StreamWriter, back: asyncio.Task[None]
    ) -> None:
        back.cancel()
        for end in (client,) if cut.how == "silence" else (client, gateway):
            if cut.how == "reset":
                end.transport.abort()
            else:
                end.close()

    def drop(self) -> None:
        """Lose every connection."""
        for writer in self._open:
            writer.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
        writer.close()


async def _message(reader: asyncio.StreamReader) -> bytes:
    """A client's next WebSocket frame, with its header (RFC 6455, 5.2)."""
    head = await reader.readexactly(2)
    length = head[1] & 127
    if length >= 126:
        head += await reader.readexactly(2 if length == 126 else 8)
        length = int.from_bytes(head[2:])
    return head + await reader.readexactly(4 + length)


@asynccontextmanager
async def cutting_proxy(port: int) -> AsyncIterator[CuttingProxy]:
    """A proxy before the gateway at this port; its ``url`` is the one for clients."""
    proxy = CuttingProxy(port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, limit=2**20)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        proxy.drop()
