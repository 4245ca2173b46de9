"""A WebSocket's client end that costs next to nothing: blocking, with messages that were framed beforehand."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

__all__ = ["BINARY", "CLOSE", "TEXT", "Wire", "connected", "framed"]

TEXT, BINARY, CLOSE = 0x81, 0x82, 0x88
_PING, _PONG = 0x89, 0x8A

SEND_BUFFER_BYTES = 256 * 1024
"""What a client may have sent and the gateway not taken: little, so that a block of a measurement ends soon."""

ANSWER_WITHIN_S = 20


def framed(head: int, payload: bytes) -> bytes:
    """One WebSocket frame of a client, masked with zeros."""
    size = len(payload)
    if size < 126:
        return struct.pack("!BB4x", head, 0x80 | size) + payload
    if size < 65_536:
        return struct.pack("!BBH4x", head, 0x80 | 126, size) + payload
    return struct.pack("!BBQ4x", head, 0x80 | 127, size) + payload


class Wire:
    """An open connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._unread = b""

    def send(self, *frames: bytes) -> None:
        """One system call.

        Raises:
            TimeoutError: the server took nothing for ``ANSWER_WITHIN_S``.
        """
        if self._connection.sendmsg(frames) != sum(map(len, frames)):
            raise TimeoutError

    def message(self) -> tuple[int, bytes]:
        """Receive the next message that is no ping; returns its first byte and its payload.

        Raises:
            ConnectionResetError: the server closed the connection.
        """
        while True:
            message = self._whole()
            if message is None:
                piece = self._connection.recv(262_144)
                if not piece:
                    raise ConnectionResetError
                self._unread += piece
            elif message[0] == _PING:
                self.send(framed(_PONG, message[1]))
            else:
                return message

    def _whole(self) -> tuple[int, bytes] | None:
        unread = self._unread
        if len(unread) < 2:
            return None
        more = {126: "!H", 127: "!Q"}.get(unread[1], "")
        at = 2 + struct.calcsize(more)
        if len(unread) < at:
            return None
        size = struct.unpack_from(more, unread, 2)[0] if more else unread[1]
        if len(unread) < at + size:
            return None
        self._unread = unread[at + size :]
        return unread[0], unread[at : at + size]


@contextmanager
def connected(url: str, path: str) -> Iterator[Wire]:
    """Open a WebSocket to a gateway, by its URL and a path.

    Raises:
        OSError: the connection cannot be made.
    """
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=ANSWER_WITHIN_S) as connection:
        connection.settimeout(None)  # the kernel's time-outs need no second system call, as Python's do
        for name in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
            connection.setsockopt(socket.SOL_SOCKET, name, struct.pack("ll", ANSWER_WITHIN_S, 0))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = connection.recv(1)
            if not byte:
                raise ConnectionResetError
            head += byte
        if b" 101 " not in head.partition(b"\r\n")[0]:
            raise ConnectionRefusedError
        yield Wire(connection)
