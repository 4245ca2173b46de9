"""Serve Prometheus metrics from processes that have no other HTTP server.

Threads answer ``/metrics`` and ``/livez`` at ``A3CP_METRICS_PORT`` while the process works.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from socketserver import BaseServer, ThreadingMixIn
from typing import Any

import orjson
from prometheus_client.registry import Collector

from contracts.process.listeners import address_of, open_listeners
from contracts.process.logs import get_logger
from contracts.process.metrics import exposition
from contracts.process.settings import Settings
from contracts.process.tls import ServedCertificate
from contracts.process.tokens import TokenHolders

__all__ = ["metrics_served"]

MAX_CONNECTIONS = 8
"""The server closes a further connection at once."""

ANSWERED_WITHIN_S = 10.0
"""The server closes a connection that takes longer, in seconds."""

POLL_S = 0.05
"""How often the server checks whether it must stop, in seconds."""

log = get_logger()


@contextmanager
def metrics_served(settings: Settings, registry: Collector, alive: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """Serve ``registry`` at ``A3CP_HOST:A3CP_METRICS_PORT`` while the block runs. Without a port, serve nothing.

    ``/livez`` calls ``alive`` in another thread, and answers 503 if it returns False.

    Raises:
        ConfigurationError: the port is taken or forbidden, or ``A3CP_ACCESS_FILE`` or the certificate cannot be used.
    """
    if settings.metrics_port is None:
        yield
        return
    tokens, certificate = TokenHolders(settings), ServedCertificate.of(settings)
    tls = certificate.context if certificate else None
    listeners = open_listeners(settings.host, settings.metrics_port, "A3CP_METRICS_PORT")
    servers = [_MetricsServer(listener, registry, tokens, alive, tls) for listener in listeners]
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(POLL_S,), name="metrics", daemon=True).start()
    address = address_of(settings.host, listeners[0].getsockname()[1], settings.scheme)
    log.info("metrics served", address=f"{address}/metrics")
    try:
        yield
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


class _MetricsServer(ThreadingMixIn, BaseServer):
    """Answers one request per connection, each in a thread, with at most `MAX_CONNECTIONS` at a time."""

    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        listener: socket.socket,
        registry: Collector,
        tokens: TokenHolders,
        alive: Callable[[], bool],
        tls: ssl.SSLContext | None,
    ) -> None:
        super().__init__(listener.getsockname(), _Handler)
        self.registry = registry
        self.tokens = tokens
        self.alive = alive
        self._listener = listener
        self._tls = tls
        self._slots = threading.BoundedSemaphore(MAX_CONNECTIONS)

    def fileno(self) -> int:
        return self._listener.fileno()

    def get_request(self) -> tuple[socket.socket, Any]:
        return self._listener.accept()

    def server_close(self) -> None:
        self._listener.close()

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._slots.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        if self._tls is not None:  # the handshake comes with the first read, in this thread and its time
            request = self._tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
        # a timer, not a socket time-out: a client that sends a byte every second would never reach a time-out
        deadline = threading.Timer(ANSWERED_WITHIN_S, _shut, [request])
        deadline.daemon = True
        deadline.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            deadline.cancel()
            self._slots.release()

    def shutdown_request(self, request: Any) -> None:
        _shut(request)
        request.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore the error: the client disconnected, or its time was over, so no answer can reach it."""


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)  # that of `SSLSocket` would drop what another thread uses


class _Handler(BaseHTTPRequestHandler):
    """``GET /metrics``, with an operator's token if one is set, and ``GET /livez``. Refusals are JSON."""

    server: _MetricsServer

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/livez":
            alive = self.server.alive()
            self._answer(200 if alive else 503, orjson.dumps({"status": "alive" if alive else "stuck"}))
        elif not self._is_admitted():
            self.send_error(401)
        elif path == "/metrics":
            self._metrics()
        else:
            self.send_error(404)

    def _is_admitted(self) -> bool:
        tokens = self.headers.get_all("Authorization", [])
        return self.server.tokens.admits("operate", tokens, self.client_address[0])

    def _metrics(self) -> None:
        try:
            text, content_type = exposition(self.server.registry, self.headers.get("Accept", ""))
        except Exception as error:  # a process that dies at this moment can leave a half-written file
            log.warning("cannot read the metrics", exc_info=error)
            self.send_error(503)
        else:
            self._answer(200, text, content_type)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer in JSON, also where `http.server` itself refuses: its own texts quote the client."""
        code = 405 if code == 501 else code  # http.server answers 501 to a method without a handler
        error, detail = _REFUSALS.get(code, ("invalid_http", "The server cannot read this request."))
        self._answer(code, orjson.dumps({"error": error, "detail": detail}))

    def _answer(self, status: int, body: bytes, content_type: str = "application/json") -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if status == 401:
            self.send_header("WWW-Authenticate", 'Bearer realm="a3cp"')
        if status == 405:
            self.send_header("Allow", "GET")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: a scraper asks every few seconds."""


_REFUSALS = {
    401: ("token_required", "Send an operator's token: Authorization: Bearer …."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "Use GET."),
    503: ("metrics_unreadable", "The server cannot read the metrics at this moment."),
}
