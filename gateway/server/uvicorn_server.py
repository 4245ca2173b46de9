"""Run the application in uvicorn: listen, log the address, and stop so that open captures can end first."""

from __future__ import annotations

import asyncio
import math
import signal
import socket
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from contracts.process import listeners
from contracts.process.listeners import address_of
from contracts.process.logs import get_logger
from contracts.process.settings import Settings
from contracts.process.tls import ServedCertificate
from contracts.rules.access import STRONG_TOKEN, is_loopback
from gateway.server.http_protocol import KEEP_ALIVE_S, BoundedHttp
from gateway.server.shared_listener import SharedListener
from gateway.server.stalls import Stalls, largest
from gateway.server.unfinished import Unfinished
from gateway.server.websocket_protocol import BoundedWebSocket
from gateway.state import GatewayState

__all__ = ["GatewayServer", "address_of", "open_listeners", "server_config"]

log = get_logger()

STOP_WITHIN_S = 7.0
"""How long the server may take, after the signal, until every connection is closed, in seconds."""

MOST_WAITING_BYTES = 64 * 1024 * 1024
"""The limit for the unsent bytes of all connections together. Above it the server closes those that have the most."""

DRAIN_WITHIN_S = 5.0
"""The part of `STOP_WITHIN_S` in which captures and requests may end by themselves."""

IDLE_LOAD = 1 / 8
"""What a connection that is no socket of a capture or of the live lane counts as, beside one that is: most are kept
open by a browser that asks for nothing."""

CLOSE_ANSWER_WITHIN_S = 1.0
"""The part of `DRAIN_WITHIN_S` in which clients may answer the close frame. A client whose connection is cut while it
sends might not read the close reason."""

STALLED_S = 20.0
"""The server closes a connection whose client reads nothing of the unsent bytes for this long, in seconds."""

MAX_MESSAGE_BYTES = 6 * 1024 * 1024
"""The limit of a WebSocket message, unless frames may be longer. The server keeps a message in memory until it is
complete, so this limits the memory."""


def open_listeners(settings: Settings) -> list[socket.socket]:
    """Listen on every address that ``A3CP_HOST`` resolves to.

    Raises:
        ConfigurationError: the host is unknown, or the port is taken or forbidden.
    """
    return listeners.open_listeners(settings.host, settings.port, "A3CP_PORT")


def server_config(
    app: ASGIApp,
    settings: Settings,
    unfinished: Unfinished | None = None,
    certificate: ServedCertificate | None = None,
) -> uvicorn.Config:
    """Configure uvicorn: with the gateway's limits, without uvicorn's logs, and without trust in proxy headers."""
    websocket: Any = partial(BoundedWebSocket, unfinished or Unfinished())
    context = certificate.context if certificate else None
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=BoundedHttp,
        ws=websocket,
        ws_per_message_deflate=False,  # JPEGs do not compress further
        ws_max_size=max(MAX_MESSAGE_BYTES, settings.capture.max_frame_bytes + 1, settings.stream_max_frame_bytes + 1),
        timeout_keep_alive=KEEP_ALIVE_S,
        lifespan="off",
        log_config=None,
        access_log=False,
        workers=1,
        proxy_headers=False,
        server_header=False,
        ssl_context_factory=(lambda _config, _default: context) if context else None,
    )


class GatewayServer(uvicorn.Server):
    """Serves until it gets a signal; then waits until open captures end, and closes all connections."""

    def __init__(self, app: ASGIApp, state: GatewayState) -> None:
        super().__init__(server_config(app, state.settings, state.unfinished, state.certificate))
        self._state = state
        self._stalls: Stalls[Any] = Stalls(STALLED_S)
        self._shared: list[SharedListener] = []

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop after SIGTERM or SIGINT; a second SIGINT stops without waiting. Unlike uvicorn's method, this does not
        store the signal to raise it again, so the process ends with its own exit code."""
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True

    def stop(self) -> None:
        """Stop as a signal would."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections, and log the address and any warning about the token."""
        if self._state.counts.processes > 1:
            await super().startup([])
            self._shared = [self._share(listener) for listener in sockets or ()]
        else:
            await super().startup(sockets)
        settings = self._state.settings
        port = sockets[0].getsockname()[1] if sockets else settings.port
        log.info("listening", address=address_of(settings.host, port, settings.scheme), app_env=settings.app_env)
        if settings.api_token and len(settings.api_token.get_secret_value()) < STRONG_TOKEN:
            log.warning("the token is short enough to guess", setting="A3CP_API_TOKEN", at_least=STRONG_TOKEN)
        if not settings.asks_for_a_token and (settings.trusted_proxies or not is_loopback(settings.host)):
            log.warning(
                "ANYBODY WHO REACHES THIS ADDRESS CAN USE THIS GATEWAY: it is not bound to this machine alone, or a "
                "proxy serves it to others, and it has no token; set A3CP_ACCESS_FILE or A3CP_API_TOKEN"
            )

    def _share(self, listener: socket.socket) -> SharedListener:
        return SharedListener(listener, self._is_next, self._protocol, self.config.ssl)

    def _protocol(self) -> asyncio.Protocol:
        """Make the protocol of a connection, as uvicorn does for listeners that are not shared."""
        make: Any = self.config.http_protocol_class
        protocol: asyncio.Protocol = make(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol

    def _is_next(self) -> bool:
        """Tell the other processes how much this one has to do; whether it should accept the next connection."""
        state = self._state
        busy = state.open_sockets + state.live_sessions
        connections = len(self.server_state.connections) + sum(listener.connecting for listener in self._shared)
        return state.counts.is_next(busy + IDLE_LOAD * max(0, connections - busy))

    async def on_tick(self, counter: int) -> bool:
        """Uvicorn calls this ten times a second; check the connections once a second."""
        self._state.counts.note_alive()
        self._is_next()
        if counter % 10 == 0:
            self._cut_off_stalled()
            self._state.metrics.publish()
        return await super().on_tick(counter)

    def _cut_off_stalled(self) -> None:
        """Abort connections whose clients do not read. Otherwise a closing connection would wait forever until its last
        bytes are read."""
        transports = [connection.transport for connection in self.server_state.connections]
        waiting_bytes = {transport: transport.get_write_buffer_size() for transport in transports}
        for transport in self._stalls.update(waiting_bytes, asyncio.get_running_loop().time()):
            transport.abort()
        for transport in largest(waiting_bytes, MOST_WAITING_BYTES):
            transport.abort()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let open captures abort with ``server_shutdown`` and notify live sessions while their sockets are open. Then
        let uvicorn close everything."""
        state = self._state
        log.info("stopping", active_captures=state.active_captures, live_sessions=state.live_sessions)
        state.draining.set()
        loop = asyncio.get_running_loop()
        began_at = loop.time()
        await self._wait_until(lambda: not state.open_sockets and not state.live_sessions, began_at + DRAIN_WITHIN_S)
        closed_by = min(loop.time() + CLOSE_ANSWER_WITHIN_S, began_at + DRAIN_WITHIN_S)
        await self._wait_until(lambda: not any(map(_is_websocket, self.server_state.connections)), closed_by)
        for connection in filter(_is_websocket, list(self.server_state.connections)):
            if connection.transport.get_write_buffer_size():  # the client does not read: do not wait for it
                connection.transport.abort()
        for listener in self._shared:
            listener.close()
        self.config.timeout_graceful_shutdown = math.ceil(began_at + STOP_WITHIN_S - loop.time())
        await super().shutdown(sockets)

    async def _wait_until(self, condition: Callable[[], bool], deadline: float) -> None:
        while not condition() and asyncio.get_running_loop().time() < deadline and not self.force_exit:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def _is_websocket(connection: object) -> bool:
    return isinstance(connection, BoundedWebSocket)
