"""Close a connection whose client may still be sending.

If a server closes a socket with unread bytes, the system resets the connection, and a client that is still sending
fails before it reads the answer (RFC 9112, 9.6). So the server closes its own half, then reads and discards the rest,
within limits.
"""

from __future__ import annotations

import asyncio

__all__ = ["linger"]


def linger(transport: asyncio.Transport, owner: asyncio.Protocol, *, most_bytes: int, within_s: float) -> None:
    """Close a connection when its client closes it, after ``most_bytes`` bytes, or after ``within_s`` seconds.

    ``owner``, the connection's protocol, gets no more data; its ``connection_lost`` is still called."""
    if transport.is_closing():
        return
    if transport.can_write_eof():
        transport.write_eof()
    timer = asyncio.get_running_loop().call_later(within_s, transport.close)
    transport.set_protocol(_Lingering(transport, owner, most_bytes, timer))
    transport.resume_reading()


class _Lingering(asyncio.Protocol):
    def __init__(
        self, transport: asyncio.Transport, owner: asyncio.Protocol, most_bytes: int, timer: asyncio.TimerHandle
    ) -> None:
        self._transport = transport
        self._owner = owner
        self._left_bytes = most_bytes
        self._timer = timer

    def data_received(self, data: bytes) -> None:
        self._left_bytes -= len(data)
        if self._left_bytes < 0:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        self._owner.connection_lost(exc)

    def pause_writing(self) -> None:
        self._owner.pause_writing()

    def resume_writing(self) -> None:
        self._owner.resume_writing()
