"""Accept connections from a listening socket that several processes of this gateway have open.

The kernel wakes all of them for each connection, and without a rule the quickest takes it: in a burst one process got
21 of 32 connections. Here a process with more to do than another one leaves the connection to that one for a moment.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable

from contracts.process.logs import get_logger
from gateway.tasks import start

__all__ = ["SharedListener"]

log = get_logger()

LOOK_AGAIN_S = 0.001
"""How often a process that leaves a connection to others looks whether it has the least to do now, in seconds."""

LEFT_TO_OTHERS_S = 0.02
"""After so long it takes what is still waiting, whatever it has to do, in seconds."""

NO_ROOM_S = 1.0
"""How long to wait if the system has no room for another connection, in seconds. asyncio's servers do the same."""


class SharedListener:
    """Accepts from ``listener`` until `close`.

    Args:
        is_next: whether this process should accept the next connection.
        protocol: makes the protocol of a connection.
        tls: for connections with TLS. The handshake comes before the protocol.
    """

    def __init__(
        self,
        listener: socket.socket,
        is_next: Callable[[], bool],
        protocol: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._listener = listener
        self._is_next = is_next
        self._protocol = protocol
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._connecting: set[asyncio.Task[None]] = set()
        listener.setblocking(False)
        self._loop.add_reader(listener.fileno(), self._on_connection)

    @property
    def connecting(self) -> int:
        """The connections that are accepted and have no protocol yet."""
        return len(self._connecting)

    def close(self) -> None:
        """Accept no more. The socket stays open."""
        self._stop_watching(None)

    def _stop_watching(self, timer: asyncio.TimerHandle | None) -> None:
        self._loop.remove_reader(self._listener.fileno())
        if self._timer is not None:
            self._timer.cancel()
        self._timer = timer

    def _watch(self) -> None:
        self._timer = None
        self._loop.add_reader(self._listener.fileno(), self._on_connection)

    def _on_connection(self) -> None:
        if self._is_next():
            while self._accept() and self._is_next():
                continue
        else:
            until = self._loop.time() + LEFT_TO_OTHERS_S
            self._stop_watching(self._loop.call_later(LOOK_AGAIN_S, self._look_again, until))

    def _look_again(self, until: float) -> None:
        if self._is_next():
            self._watch()
        elif self._loop.time() < until:
            self._timer = self._loop.call_later(LOOK_AGAIN_S, self._look_again, until)
        else:
            self._watch()
            self._accept()

    def _accept(self) -> bool:
        """Accept a connection, if there is one."""
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):  # another process has it, or it is gone
            return False
        except OSError as error:
            log.error("cannot accept a connection", exc_info=error)
            self._stop_watching(self._loop.call_later(NO_ROOM_S, self._watch))
            return False
        connection.setblocking(False)
        start(self._connecting, self._connect(connection))
        return True

    async def _connect(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection, ssl=self._tls)
        except OSError as error:  # the client is gone, or its handshake failed
            log.debug("connection lost at its start", exc_info=error)
            connection.close()
