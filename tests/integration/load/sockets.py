"""Clients: one that follows the protocol, and a bare socket for those that break it."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.messages import Client, jpeg
from tests.support.waiting import PATIENT

TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0
PATH = "/camera_feed_worker/capture"
DEADLINE_S = 300.0


@dataclass
class Ended:
    """The close code and reason of a socket, and every message that came before."""

    code: int | None
    reason: str
    messages: list[dict[str, Any]]

    @property
    def aborts(self) -> list[str]:
        return [message["error_code"] for message in self.messages if message["event"] == "capture.abort"]

    def statuses(self, accepted: int) -> list[str]:
        """What progress said while exactly so many frames were accepted."""
        return [message["status"] for message in self.messages if message.get("accepted") == accepted]


@dataclass
class Streaming:
    """A capture of small frames by a client that reads every message."""

    port: int
    client: Client
    frames: int = 30
    messages: list[dict[str, Any]] = field(default_factory=list)
    connection: ClientConnection = field(init=False)

    async def open(self) -> None:
        self.connection = await connect(f"ws://127.0.0.1:{self.port}{PATH}", compression=None, **PATIENT)
        await self.connection.send(self.client.open(progress=True))

    async def send_frames(self, count: int | None = None) -> None:
        """The first ``count`` frames; all, if it is None."""
        for seq in range(1, (count or self.frames) + 1):
            await self.connection.send(self.client.meta(seq))
            await self.connection.send(jpeg())

    async def told(self, **fields: Any) -> None:
        """Read until progress says this."""
        while not self.messages or not fields.items() <= self.messages[-1].items():
            self.messages.append(orjson.loads(await self.connection.recv()))

    def bare_frames(self, count: int) -> list[bytes]:
        """The first frames, each as the bytes of its two messages."""
        metas = [framed(TEXT, self.client.meta(seq).encode()) for seq in range(1, count + 1)]
        return [meta + framed(BINARY, jpeg()) for meta in metas]

    async def send_until_closed(self) -> None:
        """Frame after frame, in real time, until the server ends it."""
        with suppress(ConnectionClosed):
            for seq in range(1, self.frames + 1):
                await self.connection.send(self.client.meta(seq))
                await self.connection.send(jpeg())
                await asyncio.sleep(1 / self.client.fps)

    async def told_more(self) -> None:
        """Read until progress says that frames were accepted."""
        while not self.messages[-1]["accepted"]:
            self.messages.append(orjson.loads(await self.connection.recv()))

    async def close(self) -> Ended:
        with suppress(ConnectionClosed):
            await self.connection.send(self.client.close(self.frames / self.client.fps + 1))
        return await self.ended()

    async def ended(self) -> Ended:
        with suppress(ConnectionClosed):
            while True:
                self.messages.append(orjson.loads(await self.connection.recv()))
        await self.connection.wait_closed()
        return Ended(self.connection.close_code, self.connection.close_reason or "", self.messages)

    async def whole(self) -> Ended:
        """The whole capture."""
        await self.open()
        await self.send_frames()
        return await self.close_once_extracting()

    async def close_once_extracting(self) -> Ended:
        await self.told(status="extracting")
        return await self.close()


def framed(opcode: int, payload: bytes = b"", *, last: bool = True) -> bytes:
    """One WebSocket frame from a client, masked with zeros."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", (0x80 if last else 0) | opcode, 0x80 | size)
    else:
        head = struct.pack("!BBQ", (0x80 if last else 0) | opcode, 0xFF, size)
    return head + b"\0\0\0\0" + payload


class BareSocket:
    """A connection from which nothing is read unless the test does."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._unread = b""

    @classmethod
    async def connect(cls, port: int, *, small: bool = False) -> Self:
        """``small``: use small buffers, so that a server that writes soon waits for a client that does not read."""
        connection = socket.socket()
        connection.setblocking(False)
        if small:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
        return cls(connection)

    def widen(self) -> None:
        """Enlarge the receive buffer."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)

    async def handshake(self, path: str = PATH) -> None:
        await self.send(handshake(path))
        while b"\r\n\r\n" not in self._unread:
            self._unread += await self._receive(1)
        self._unread = b""

    async def send(self, *parts: bytes) -> None:
        for part in parts:
            await self._loop.sock_sendall(self._connection, part)

    async def slowly(self, data: bytes, every_s: float = 1.0) -> None:
        """Send one byte a second until the server closes the connection."""
        with suppress(ConnectionError):
            for index in range(len(data)):
                await self.send(data[index : index + 1])
                await asyncio.sleep(every_s)

    async def flood(self, data: bytes, seconds: float) -> None:
        """Send as fast as the server reads, until it closes the connection."""
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    await self.send(data)

    async def is_gone(self) -> bool:
        """Whether the server has closed the connection."""
        try:
            await self.send(framed(PONG))
        except ConnectionError:
            return True
        return False

    async def ended(self) -> Ended:
        """Read to the close frame, or to the end of the connection."""
        messages = []
        async with asyncio.timeout(DEADLINE_S):
            with suppress(ConnectionError, EOFError):
                while True:
                    opcode, payload = await self._frame()
                    if opcode == CLOSE:
                        return Ended(int.from_bytes(payload[:2]), payload[2:].decode(), messages)
                    if opcode == TEXT:
                        messages.append(orjson.loads(payload))
        return Ended(None, "", messages)

    async def _frame(self) -> tuple[int, bytes]:
        opcode, size = await self._exactly(2)
        if size == 126:
            size = int.from_bytes(await self._exactly(2))
        return opcode & 0x0F, await self._exactly(size)

    async def _exactly(self, size: int) -> bytes:
        while len(self._unread) < size:
            self._unread += await self._receive(65_536)
        data, self._unread = self._unread[:size], self._unread[size:]
        return data

    async def _receive(self, size: int) -> bytes:
        data = await self._loop.sock_recv(self._connection, size)
        if not data:
            raise EOFError
        return data

    def drop(self) -> None:
        self._connection.close()


def handshake(path: str = PATH) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    ).encode()
