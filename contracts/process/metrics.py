"""Serve Prometheus metrics from processes that have no other HTTP server.

Threads answer ``/metrics`` and ``/livez`` at ``A3CP_METRICS_PORT`` while the process works. The processes of a worker
pool write their numbers into files in one shared folder, and their parent process adds them up.
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
from contracts.process.settings import Settings, set_library_variable
from contracts.process.tokens import TokenHolders
from contracts.rules.errors import ConfigurationError

__all__ = [
    "SECONDS",
    "Liveness",
    "exposition",
    "keep_metrics_in",
    "mark_dead",
    "metrics_served",
    "preset",
    "shared_folder",
    "shared_registry",
]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Histogram buckets for one step of work, in seconds. No step may take longer than the last one."""

MAX_CONNECTIONS = 8
"""The server closes a further connection at once."""

ANSWERED_WITHIN_S = 10.0
"""The server closes a connection that takes longer, in seconds."""

POLL_S = 0.05
"""How often the server checks whether it must stop, in seconds."""

STALE_S = 60.0
"""How old an unlocked folder must be before it is removed, in seconds: a younger one may not be locked yet."""

log = get_logger()

disable_created_metrics()  # type: ignore[no-untyped-call]  # `…_created` doubles the series, and no dashboard uses it


def preset(counter: Counter, values_of_label: Iterable[str]) -> Counter:
    """Create the counter's series for every value of its one label, at zero. Without the zero, Prometheus's ``rate()``
    does not see the first increment."""
    for value in values_of_label:
        counter.labels(value)
    return counter


def exposition(registry: Collector, accept: str) -> tuple[bytes, str]:
    """All metrics in the text format that the scraper's ``Accept`` header asks for, and its content type."""
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class Liveness:
    """Whether the process's own work makes progress: it must report at least every ``within_s`` seconds."""

    def __init__(self, within_s: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._within_s = within_s
        self._clock = clock
        self._reported_at_s = clock()

    def report(self) -> None:
        """Report that the work makes progress."""
        self._reported_at_s = self._clock()

    def is_alive(self) -> bool:
        """Whether the last report is recent enough."""
        return self._clock() - self._reported_at_s <= self._within_s


@contextmanager
def metrics_served(settings: Settings, registry: Collector, alive: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """Serve ``registry`` at ``A3CP_HOST:A3CP_METRICS_PORT`` while the block runs. Without a port, serve nothing.

    ``/livez`` calls ``alive`` in another thread, and answers 503 if it returns False.

    Raises:
        ConfigurationError: the port is taken or forbidden, or ``A3CP_ACCESS_FILE`` cannot be used.
    """
    if settings.metrics_port is None:
        yield
        return
    tokens = TokenHolders(settings)
    listeners = open_listeners(settings.host, settings.metrics_port, "A3CP_METRICS_PORT")
    servers = [_MetricsServer(listener, registry, tokens, alive) for listener in listeners]
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
    """Answers one request per connection, each in a thread, with at most `MAX_CONNECTIONS` at a time."""

    daemon_threads = True
    block_on_close = False

    def __init__(
        self, listener: socket.socket, registry: Collector, tokens: TokenHolders, alive: Callable[[], bool]
    ) -> None:
        super().__init__(listener.getsockname(), _Handler)
        self.registry = registry
        self.tokens = tokens
        self.alive = alive
        self._listener = listener
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
        connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """``GET /metrics``, with an operator's token if one is set, and ``GET /livez``. Refusals are JSON."""

    server: _MetricsServer

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/livez":
            alive = self.server.alive()
            self._answer(200 if alive else 503, orjson.dumps({"status": "alive" if alive else "stuck"}))
        elif not self.server.tokens.admits("operate", self.headers.get_all("Authorization", [])):
            self.send_error(401)
        elif path == "/metrics":
            self._metrics()
        else:
            self.send_error(404)

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


# --- several processes -------------------------------------------------------------------------------


@contextmanager
def shared_folder(setting: str = "A3CP_METRICS_PORT") -> Iterator[Path]:
    """Create a private folder for the numbers of a pool's processes, and remove it when the block ends.

    Also remove the folders of killed pools, once they are older than `STALE_S`.

    Raises:
        ConfigurationError: the folder cannot be created. The text names ``setting``, which asked for it.
    """
    try:
        _remove_leftovers()
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    except OSError as error:
        raise ConfigurationError(f"{setting}: cannot create a folder for metrics: {error.strerror}") from error
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


def keep_metrics_in(folder: Path, name: str) -> None:
    """Store every metric that this process creates from now on in ``folder``, under ``name`` (without underscores).

    A process with the name of one that died continues that one's counts, so there are never more files than names. Two
    running processes must not have the same name.
    """
    set_library_variable("PROMETHEUS_MULTIPROC_DIR", str(folder))
    mark_dead(folder, name)
    # prometheus_client names the files by process id, which would leave new files after every restart of a worker
    values.ValueClass = values.MultiProcessValue(lambda: name)  # type: ignore[no-untyped-call]


def shared_registry(folder: Path) -> CollectorRegistry:
    """A registry whose numbers are the sums over all processes that use the folder."""
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]
    return registry


def mark_dead(folder: Path, name: str) -> None:
    """Drop the gauges of a process that died. Its counters and histograms stay in the sums."""
    multiprocess.mark_process_dead(name, str(folder))  # type: ignore[no-untyped-call]
