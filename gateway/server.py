"""The server around the application: listening, announcing itself, and ending without cutting anybody off."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
from types import FrameType

import structlog
import uvicorn
from starlette.types import ASGIApp

from contracts.errors import ConfigurationError
from contracts.settings import Settings
from gateway.http_protocol import BoundedHttp
from gateway.security import is_loopback
from gateway.state import GatewayState

__all__ = ["GatewayServer", "address_of", "open_listeners"]

log = structlog.get_logger()

DRAIN_WITHIN_S = 5.0
CLOSE_WITHIN_S = 8
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
BACKLOG = 2048


def open_listeners(settings: Settings) -> list[socket.socket]:
    """A listening socket for every address that ``A3CP_HOST`` means.

    Raises:
        ConfigurationError: the host is unknown, or the port is taken or forbidden.
    """
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ConfigurationError(f"A3CP_HOST: {settings.host!r} is not a host: {error.strerror}") from error
    listeners: list[socket.socket] = []
    port = settings.port
    absent: OSError | None = None
    for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
        try:
            listener = socket.create_server((str(address[0]), port), family=family, backlog=BACKLOG)
        except OSError as error:
            if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                absent = error  # localhost often means ::1 too, on machines that have no IPv6
                continue
            for opened in listeners:
                opened.close()
            raise _cannot_listen("A3CP_PORT", settings.host, port, error) from error
        port = listener.getsockname()[1]
        listeners.append(listener)
    if not listeners:
        assert absent is not None
        raise _cannot_listen("A3CP_HOST", settings.host, port, absent) from absent
    return listeners


def _cannot_listen(name: str, host: str, port: int, error: OSError) -> ConfigurationError:
    return ConfigurationError(f"{name}: cannot listen on {address_of(host, port)}: {os.strerror(error.errno or 0)}")


def address_of(host: str, port: int) -> str:
    """The address to type into a browser."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def server_config(app: ASGIApp) -> uvicorn.Config:
    """How uvicorn is to run the application: quiet, bounded, and without guessing from proxies' headers."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=BoundedHttp,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=MAX_MESSAGE_BYTES,
        lifespan="off",
        log_config=None,
        access_log=False,
        workers=1,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=CLOSE_WITHIN_S,
    )


class GatewayServer(uvicorn.Server):
    """Serves until it is told to stop, then lets open captures end by themselves, then ends the rest."""

    def __init__(self, app: ASGIApp, state: GatewayState) -> None:
        super().__init__(server_config(app))
        self._state = state

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM and SIGINT stop the server cleanly; a second one does not wait. Neither is raised again
        afterwards, so the process ends with its own exit code."""
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True

    def stop(self) -> None:
        """Stop as a signal would."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections, and say where, once."""
        await super().startup(sockets)
        settings = self._state.settings
        port = sockets[0].getsockname()[1] if sockets else settings.port
        log.info("listening", address=address_of(settings.host, port))
        if settings.api_token is None and not is_loopback(settings.host):
            log.warning(
                "ANYBODY WHO REACHES THIS ADDRESS CAN USE THIS GATEWAY: it is not bound to this machine alone and has "
                "no token; set A3CP_API_TOKEN, or A3CP_HOST=127.0.0.1"
            )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """While the sockets are still alive, open captures abort with ``server_shutdown``; then uvicorn ends all."""
        log.info("stopping", active_captures=self._state.active_captures)
        self._state.draining.set()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + DRAIN_WITHIN_S
        await asyncio.sleep(0.1)  # sockets without a capture go too
        while self._state.active_captures and loop.time() < deadline and not self.force_exit:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await super().shutdown(sockets)
