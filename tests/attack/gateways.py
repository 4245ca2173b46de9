"""A whole gateway behind a real server in a thread, and clients that break every rule."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import fakeredis
import uvloop

from contracts.broker import keys
from contracts.broker.script import run
from contracts.process.settings import Settings
from contracts.state import sessions
from contracts.state.events import EventEntry
from gateway.app import create_app
from gateway.capture import lifecycle
from gateway.state import GatewayState
from tests.attack.jpegs import picture
from tests.support.gateway import served
from tests.support.messages import SESSION, Client
from tests.support.waiting import wait_until

SOCKET = "/camera_feed_worker/capture"
DEADLINE_S = 300.0
CONTRACT_CLOSES = {1000, 1003, 1008, 1012, 1013}
"""The close codes of the contract's table without 1011: no client may cause an internal error."""

RFC_CLOSES = {1002, 1007, 1009}
"""The close codes for invalid WebSocket messages, which never reach the endpoint: RFC 6455, 7.4.1."""


@dataclass
class Attacked:
    """The gateway under attack, on fake brokers."""

    state: GatewayState
    port: int
    loop: asyncio.AbstractEventLoop

    def do(self, step: Any) -> Any:
        """Run a coroutine in the gateway's event loop."""
        return asyncio.run_coroutine_threadsafe(step, self.loop).result(DEADLINE_S)

    def begin(self, user_id: str = "user-1", session_id: str = SESSION) -> None:
        entry = EventEntry(b"{}", user_id, session_id, "3f2504e0-4f89-41d3-9a0c-0305e82c3301")
        self.do(run(self.state.events, sessions.start_session("request", b"{}", entry)))

    def raw(self, path: str = SOCKET, headers: str = "") -> RawSocket:
        return RawSocket(self.port, path, headers)

    def until_nothing_is_open(self) -> None:
        wait_until(lambda: not (self.state.active_captures or self.state.open_sockets), "no connection is open")

    def names(self) -> list[str]:
        """Every key in either broker."""
        found = [*self.do(self.state.frames.keys("*")), *self.do(self.state.events.keys("*"))]
        return [name.decode() for name in found]

    def serves(self) -> None:
        """Check that the gateway still serves: stream an honest capture."""
        client = Client(user_id="honest", session_id=HONEST_SESSION)
        with self.raw() as one:
            one.text(client.open())
            for seq in (1, 2):
                one.text(client.meta(seq, len(GOOD)))
                one.send(2, GOOD)
            one.text(client.close())
            assert one.closed() == (1000, "")


GOOD = picture(64, 48)
HONEST_SESSION = "sess_00000000000000aa"


@contextmanager
def attacked(folder: Path, *, memory_share: float = 0.0, **settings: Any) -> Iterator[Attacked]:
    ready: list[Attacked] = []
    started, stop = threading.Event(), threading.Event()
    values = {"data_root": folder / "data", "log_root": folder / "logs", "port": 0} | settings

    async def serve() -> None:
        frames, events = fakeredis.FakeAsyncRedis(), fakeredis.FakeAsyncRedis()
        state = GatewayState(Settings(**values), frames, events, refusal="")
        server, serving, port = await served(create_app(state), state)
        ready.append(Attacked(state, port, asyncio.get_running_loop()))
        started.set()
        while not stop.is_set():
            await asyncio.sleep(0.02)
        server.stop()
        await serving
        await frames.aclose()
        await events.aclose()

    def run_as_the_process_does() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run_as_the_process_does, name="gateway")
    with mock.patch.object(lifecycle, "memory_share", mock.AsyncMock(return_value=memory_share)):
        thread.start()
        try:
            assert started.wait(DEADLINE_S), "the gateway did not start"
            ready[0].begin()
            ready[0].begin("honest", HONEST_SESSION)
            yield ready[0]
        finally:
            stop.set()
            thread.join(DEADLINE_S)
            assert not thread.is_alive(), "the gateway did not stop"


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True) -> bytes:
    """A WebSocket frame, right or wrong: RFC 6455, 5.2."""
    head = bytes([fin << 7 | rsv << 4 | opcode])
    length = len(payload)
    if length < 126:
        head += bytes([masked << 7 | length])
    elif length < 2**16:
        head += struct.pack(">BH", masked << 7 | 126, length)
    else:
        head += struct.pack(">BQ", masked << 7 | 127, length)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    repeated = (mask * (length // 4 + 1))[:length]
    return head + mask + (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(length, "big")


class RawSocket:
    """A WebSocket client that sends any bytes."""

    def __init__(self, port: int, path: str = SOCKET, headers: str = "") -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S)
        self._socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n".encode(
                "latin-1"
            )
        )
        self.head = self._read_head()
        self.messages: list[bytes] = []

    def __enter__(self) -> RawSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _read_head(self) -> bytes:
        head = b""
        while b"\r\n\r\n" not in head and (more := self._socket.recv(1)):
            head += more
        return head

    @property
    def status(self) -> int:
        return int(self.head.split(b" ")[1]) if self.head else 0

    def write(self, data: bytes) -> None:
        """Send these bytes; ignore a server that has closed the connection."""
        try:
            self._socket.sendall(data)
        except OSError:
            return

    def send(self, opcode: int, payload: bytes, **options: Any) -> None:
        self.write(frame(opcode, payload, **options))

    def text(self, text: str) -> None:
        self.send(1, text.encode(errors="surrogatepass"))

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self._socket.recv(count - len(data))
            if not more:
                raise ConnectionResetError
            data += more
        return data

    def closed(self) -> tuple[int, str]:
        """The server's close code and reason; (1006, "") if it sent no close frame."""
        try:
            while True:
                opcode, length = self._exactly(2)
                if length == 126:
                    (length,) = struct.unpack(">H", self._exactly(2))
                elif length == 127:
                    (length,) = struct.unpack(">Q", self._exactly(8))
                payload = self._exactly(length)
                if opcode & 15 == 8:
                    self.write(frame(8, payload[:2]))
                    return int.from_bytes(payload[:2], "big") if payload else 1005, payload[2:].decode()
                self.messages.append(payload)
        except ConnectionError:
            return 1006, ""


ID = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}"
OUR_KEYS = (
    rf"a3cp:\{{{ID}\}}:(state|frames|rows)", rf"\{{a3cp\}}:capture:{ID}", r"\{a3cp\}:session:sess_[0-9a-f]{16}",
    r"\{a3cp\}:window:sess_[0-9a-f]{16}:[0-9a-f-]{36}", rf"\{{a3cp\}}:user:{ID}:captures",
)  # fmt: skip


def is_valid_key(name: str) -> bool:
    """Whether `contracts.broker.keys` makes this name of valid identifiers."""
    fixed = {keys.CAPTURES, keys.EXTRACTORS, keys.EVENTS, keys.DEAD_EVENTS, keys.UNFINISHED, keys.RECORDER_LEADER}
    if name in fixed:
        return True
    return any(re.fullmatch(form, name) for form in OUR_KEYS)
