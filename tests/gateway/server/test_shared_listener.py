"""A listener that two servers share; here both are in one event loop, and accept in turns as two processes do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gateway.server.shared_listener import SharedListener
from tests.support.waiting import until

CLIENTS = 32


class Server:
    """One of the servers: its listener and its connections."""

    def __init__(self, listener: socket.socket, is_next: Callable[[], bool]) -> None:
        self.connections = 0
        self._listener = listener.dup()
        self.accepting = SharedListener(self._listener, is_next, self._connected)

    def _connected(self) -> asyncio.Protocol:
        self.connections += 1
        return asyncio.Protocol()

    def close(self) -> None:
        self.accepting.close()
        self._listener.close()

    @property
    def load(self) -> int:
        return self.connections + self.accepting.connecting


@contextmanager
def listening() -> Iterator[tuple[socket.socket, list[socket.socket]]]:
    clients: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0), backlog=CLIENTS) as listener:
        try:
            yield listener, clients
        finally:
            for client in clients:
                client.close()


def call(listener: socket.socket) -> socket.socket:
    return socket.create_connection(listener.getsockname())


async def test_a_burst_is_divided_evenly() -> None:
    with listening() as (listener, clients):
        first = Server(listener, lambda: first.load <= second.load)
        second = Server(listener, lambda: second.load <= first.load)
        clients += [call(listener) for _ in range(CLIENTS)]
        await until(lambda: first.connections + second.connections == CLIENTS, "all are accepted")
        assert abs(first.connections - second.connections) <= 2
        first.close()
        second.close()


async def test_a_connection_that_no_other_process_takes_is_not_left_waiting() -> None:
    with listening() as (listener, clients):
        loaded = Server(listener, lambda: False)
        clients.append(call(listener))
        await until(lambda: loaded.connections == 1, "it is accepted")
        loaded.close()


async def test_nothing_is_accepted_after_close_and_the_connection_waits_for_the_others() -> None:
    with listening() as (listener, clients):
        leaving = Server(listener, lambda: True)
        leaving.accepting.close()
        clients.append(call(listener))
        staying = Server(listener, lambda: True)
        await until(lambda: staying.connections == 1, "the other one accepts")
        assert leaving.connections == 0
        staying.close()
        leaving.close()
