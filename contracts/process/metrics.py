"""Metrics over HTTP, and the small server of the processes that serve nothing else.

``/metrics`` and ``/livez`` at ``A3CP_METRICS_PORT``, in threads beside the process's work. Several processes of one
pool write their numbers into the files of one `Folder`, and their parent adds them up.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import BaseServer, ThreadingMixIn
from typing import Any

import orjson
from prometheus_client import CollectorRegistry, Counter, disable_created_metrics, multiprocess, values
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from contracts.process.folder_lock import is_free
from contracts.process.listeners import address_of, open_listeners
from contracts.process.logs import get_logger
from contracts.process.settings import Settings, tell_library
from contracts.rules.access import TokenRule
from contracts.rules.errors import ConfigurationError

__all__ = [
    "SECONDS",
    "Heart",
    "exposition",
    "forget",
    "member",
    "metrics_served",
    "preset",
    "shared_folder",
    "shared_registry",
]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Buckets for one step of the work: from a millisecond to the ten seconds after which a step is given up."""

MAX_CONNECTIONS = 8
"""The server closes a further connection at once."""

ANSWERED_WITHIN_S = 10.0
"""The server closes a connection that takes longer."""

POLL_S = 0.05
"""How soon the server sees that it must stop."""

STALE_S = 60.0
"""A folder that is older and belongs to no process that lives is a leftover."""

log = get_logger()

disable_created_metrics()  # type: ignore[no-untyped-call]  # one more series for each metric, which no dashboard uses


def preset(counter: Counter, values_of_label: Iterable[str]) -> Counter:
    """``counter``, at zero for every value of its one label: the first step away from zero shows only from a zero."""
    for value in values_of_label:
        counter.labels(value)
    return counter


def exposition(registry: Collector, accept: str) -> tuple[bytes, str]:
    """All metrics as text, and its content type: what the scraper's ``Accept`` header asks for."""
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class Heart:
    """Whether a process's own work goes on, as its work shows by beating."""

    def __init__(self, within_s: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._within_s = within_s
        self._clock = clock
        self._beat_at_s = clock()

    def beat(self) -> None:
        """The work goes on."""
        self._beat_at_s = self._clock()

    def beats(self) -> bool:
        """Whether the last beat is recent."""
        return self._clock() - self._beat_at_s <= self._within_s


@contextmanager
def metrics_served(settings: Settings, registry: Collector, alive: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """Serve ``registry`` inside, at ``A3CP_METRICS_PORT`` of ``A3CP_HOST``; nothing is served if no port is set.

    ``alive`` is asked for ``/livez``, in another thread.

    Raises:
        ConfigurationError: the port is taken or forbidden.
    """
    if settings.metrics_port is None:
        yield
        return
    token = settings.api_token.get_secret_value() if settings.api_token else None
    listeners = open_listeners(settings.host, settings.metrics_port, "A3CP_METRICS_PORT")
    servers = [_MetricsServer(listener, registry, TokenRule(token), alive) for listener in listeners]
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(POLL_S,), name="metrics", daemon=True).start()
    log.info("metrics served", address=address_of(settings.host, listeners[0].getsockname()[1]) + "/metrics")
    try:
        yield
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


class _MetricsServer(ThreadingMixIn, BaseServer):
    """One thread for each connection, each connection for one request, and not many of them at once."""

    daemon_threads = True
    block_on_close = False

    def __init__(
        self, listener: socket.socket, registry: Collector, tokens: TokenRule, alive: Callable[[], bool]
    ) -> None:
        super().__init__(listener.getsockname(), _Handler)
        self.registry = registry
        self.tokens = tokens
        self.alive = alive
        self._listener = listener
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)

    def fileno(self) -> int:
        return self._listener.fileno()

    def get_request(self) -> tuple[socket.socket, Any]:
        return self._listener.accept()

    def server_close(self) -> None:
        self._listener.close()

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        cut_off = threading.Timer(ANSWERED_WITHIN_S, _shut, [request])
        cut_off.daemon = True
        cut_off.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            cut_off.cancel()
            self._places.release()

    def shutdown_request(self, request: Any) -> None:
        _shut(request)
        request.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that disconnected or was cut off: no answer can reach it."""


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """``GET /metrics``, with the token if one is set, and ``GET /livez``. Refusals are JSON."""

    server: _MetricsServer

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/livez":
            alive = self.server.alive()
            self._answer(200 if alive else 503, orjson.dumps({"status": "alive" if alive else "stuck"}))
        elif not self.server.tokens.admits(self.headers.get_all("Authorization", [])):
            self.send_error(401)
        elif path == "/metrics":
            self._metrics()
        else:
            self.send_error(404)

    def _metrics(self) -> None:
        try:
            text, content_type = exposition(self.server.registry, self.headers.get("Accept", ""))
        except Exception as error:  # a file of a process that dies at this moment is half there
            log.warning("metrics not readable", exc_info=error)
            self.send_error(503)
        else:
            self._answer(200, text, content_type)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer the parser's refusals too: its own texts would quote the client."""
        code = 405 if code == 501 else code  # the parser's code for a method without a handler
        error, detail = _REFUSALS.get(code, ("invalid_http", "This is no request that this server takes."))
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
        """Nothing: scrapes come every few seconds."""


_REFUSALS = {
    401: ("token_required", "This server needs its token: Authorization: Bearer …."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This server takes GET only."),
    503: ("metrics_unreadable", "The metrics cannot be read at this moment."),
}


# --- several processes -------------------------------------------------------------------------------


@contextmanager
def shared_folder() -> Iterator[Path]:
    """A private folder in which the processes of a pool keep their numbers; it is gone afterwards.

    Folders of pools that were killed are removed here, some time later.

    Raises:
        ConfigurationError: no folder can be made.
    """
    try:
        _remove_leftovers()
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    except OSError as error:
        raise ConfigurationError(f"A3CP_METRICS_PORT: no folder for metrics can be made: {error.strerror}") from error
    lock = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


_PREFIX = "a3cp-metrics-"


def _remove_leftovers() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            status = folder.lstat()
            if status.st_uid == os.getuid() and time.time() - status.st_mtime > STALE_S and is_free(folder):
                shutil.rmtree(folder, ignore_errors=True)


def member(folder: Path, name: str) -> None:
    """From here on, this process keeps every metric that it makes in ``folder``, as ``name`` (no underscore).

    A process that is started again under the name of one that died goes on with its counts, so there are never more
    files than names. Two that live may not have the same one.
    """
    tell_library("PROMETHEUS_MULTIPROC_DIR", str(folder))
    forget(folder, name)
    values.ValueClass = values.MultiProcessValue(lambda: name)  # type: ignore[no-untyped-call]


def shared_registry(folder: Path) -> CollectorRegistry:
    """What all processes of a folder have counted, added up."""
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]
    return registry


def forget(folder: Path, name: str) -> None:
    """A process died: its gauges no longer count; what it has counted does."""
    multiprocess.mark_process_dead(name, str(folder))  # type: ignore[no-untyped-call]
