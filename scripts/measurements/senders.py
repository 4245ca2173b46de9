"""Clients of the capture socket that cost next to nothing: what they send is made beforehand, and only its names change.

They keep the contract: event time goes on by ``1 / fps`` with every frame, however fast they are, and each connection
carries one capture of bounded length, after which the next is opened.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from urllib.parse import urlsplit
from uuid import uuid4

from contracts.capture import CaptureClose, CaptureOpen, FrameMeta
from contracts.ids import SCHEMA_VERSION
from scripts.measurements.processes import cpu_s

__all__ = ["Sender", "Senders", "Sent", "sending"]

FPS = 15
CAPTURE_FRAMES = 300
WIDTH, HEIGHT = 640, 480
SEND_BUFFER_BYTES = 256 * 1024
"""What a client may have sent and the gateway not taken: little, so that a block of a measurement ends soon."""

ANSWER_WITHIN_S = 20
_NO_ID = "00000000-0000-4000-8000-000000000000"
_TEXT, _BINARY, _CLOSE = 0x81, 0x82, 0x88


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose captures go over one connection after the other."""

    user_id: str
    session_id: str


@dataclass(frozen=True, slots=True)
class Sent:
    """What a block of sending came to: ``ended`` counts the connections by code and reason, ``cpu_s`` is the clients'."""

    frames: int
    cpu_s: float
    ended: Counter[str]


class Senders:
    """The process they are in."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def start(self, address: str, senders: Sequence[Sender], *, paced: bool) -> None:
        """From now on one connection for each of them, at 15 frames a second or as fast as the gateway takes them."""
        self._connection.send((address, list(senders), paced))

    async def stop(self) -> Sent:
        """Complete the captures that are open; what all came to."""
        self._connection.send(None)
        sent = await asyncio.to_thread(self._connection.recv)
        assert isinstance(sent, Sent)
        return sent


@contextmanager
def sending(jpegs: Sequence[bytes]) -> Iterator[Senders]:
    """Start the process; it has made its messages when this returns."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, list(jpegs)), daemon=True)
    process.start()
    theirs.close()
    ours.recv()
    try:
        yield Senders(ours)
    finally:
        ours.close()
        process.join()


def _serve(connection: Connection, jpegs: list[bytes]) -> None:
    frames = [_framed(_BINARY, jpeg) for jpeg in jpegs]
    pid = multiprocessing.current_process().pid
    assert pid is not None
    connection.send(None)
    while True:
        try:
            address, senders, paced = connection.recv()
        except EOFError:
            return
        block = _Block(address, paced, frames, jpegs)
        began_cpu_s = cpu_s(pid)
        threads = [threading.Thread(target=block.run, args=(sender,), daemon=True) for sender in senders]
        for thread in threads:
            thread.start()
        connection.recv()
        block.stopping.set()
        for thread in threads:
            thread.join()
        connection.send(Sent(block.sent, cpu_s(pid) - began_cpu_s, block.ended))


class _Block:
    """Threads that send: a system call a frame, in which nobody holds the others up."""

    def __init__(self, address: str, paced: bool, frames: Sequence[bytes], jpegs: Sequence[bytes]) -> None:
        url = urlsplit(address)
        self.stopping = threading.Event()
        self.sent = 0
        self.ended: Counter[str] = Counter()
        self._paced = paced
        self._address = url.hostname or "", url.port or 0
        self._frames = frames
        self._sizes = [len(jpeg) for jpeg in jpegs]
        self._lock = threading.Lock()

    def run(self, sender: Sender) -> None:
        messages = _Messages(sender, self._sizes)
        phase_s = random.Random(sender.user_id).random() / FPS  # noqa: S311 - cameras that know nothing of each other
        while not self.stopping.is_set():
            try:
                sent, ended = self._capture(messages, phase_s)
            except OSError as error:
                sent, ended = 0, type(error).__name__
            with self._lock:
                self.sent += sent
                self.ended[ended] += 1

    def _capture(self, messages: _Messages, phase_s: float) -> tuple[int, str]:
        opening, metas, closing = messages.of(str(uuid4()))
        sent = 0
        with _connected(self._address) as connection:
            connection.sendall(opening)
            began_s = time.monotonic() + phase_s
            for meta in metas:
                if self._paced:
                    time.sleep(max(0.0, began_s + sent / FPS - time.monotonic()))
                parts = meta, self._frames[sent % len(self._frames)]
                if connection.sendmsg(parts) != len(parts[0]) + len(parts[1]):
                    raise TimeoutError
                sent += 1
                if self.stopping.is_set() and sent > 2 * FPS:
                    break
            connection.sendall(closing)
            return sent, _ending(connection)


class _Messages:
    """What one sender says in each of its captures, but for the capture's names."""

    def __init__(self, sender: Sender, sizes: Sequence[int]) -> None:
        start = datetime.now(UTC).replace(microsecond=0)
        names = {
            "schema_version": SCHEMA_VERSION, "capture_id": _NO_ID,
            "user_id": sender.user_id, "session_id": sender.session_id,
        }  # fmt: skip

        def at(frame: int) -> datetime:
            return start + timedelta(milliseconds=round(1000 * frame / FPS))

        opening = CaptureOpen(
            **names, record_id=_NO_ID, timestamp=start, event="capture.open", timestamp_start=start, fps_target=FPS,
            width=WIDTH, height=HEIGHT, encoding="jpeg",
        )  # fmt: skip
        metas = [
            FrameMeta(
                **names, record_id=str(uuid4()), timestamp=at(frame), event="capture.frame_meta", seq=frame + 1,
                timestamp_frame=at(frame), byte_length=sizes[frame % len(sizes)],
            )
            for frame in range(CAPTURE_FRAMES)
        ]  # fmt: skip
        end = at(CAPTURE_FRAMES)
        closing = CaptureClose(**names, record_id=str(uuid4()), timestamp=end, event="capture.close", timestamp_end=end)
        self._opening, *self._metas, self._closing = (
            _framed(_TEXT, message.model_dump_json(exclude_none=True).encode())
            for message in (opening, *metas, closing)
        )

    def of(self, capture_id: str) -> tuple[bytes, list[bytes], bytes]:
        """The messages of one capture, framed; its window is named after it."""
        old, new = _NO_ID.encode(), capture_id.encode()
        return (
            self._opening.replace(old, new),
            [meta.replace(old, new) for meta in self._metas],
            self._closing.replace(old, new),
        )


def _framed(head: int, payload: bytes) -> bytes:
    """One WebSocket frame of a client, masked with zeros."""
    size = len(payload)
    if size < 126:
        return struct.pack("!BB4x", head, 0x80 | size) + payload
    if size < 65_536:
        return struct.pack("!BBH4x", head, 0x80 | 126, size) + payload
    return struct.pack("!BBQ4x", head, 0x80 | 127, size) + payload


@contextmanager
def _connected(address: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(address, timeout=ANSWER_WITHIN_S) as connection:
        connection.settimeout(None)  # the kernel's own time-outs leave a call as cheap as it is
        for name in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
            connection.setsockopt(socket.SOL_SOCKET, name, struct.pack("ll", ANSWER_WITHIN_S, 0))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        connection.sendall(
            b"GET /camera_feed_worker/capture HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = connection.recv(1)
            if not byte:
                raise ConnectionResetError
            head += byte
        if b" 101 " not in head.partition(b"\r\n")[0]:
            raise ConnectionRefusedError
        yield connection


def _ending(connection: socket.socket) -> str:
    """Read until the server closes: the code and the reason it gave."""
    unread = b""
    while piece := connection.recv(65_536):
        unread += piece
        while len(unread) >= 4:
            size, at = (unread[1], 2) if unread[1] < 126 else (struct.unpack_from("!H", unread, 2)[0], 4)
            if len(unread) < at + size:
                break
            head, body, unread = unread[0], unread[at : at + size], unread[at + size :]
            if head == _CLOSE:
                connection.sendall(_framed(_CLOSE, body))
                return f"{struct.unpack('!H', body[:2])[0]} {body[2:].decode()}".rstrip()
    return "cut off"
