"""Start a gateway: behind its real server in this process, or as a process of its own."""

from __future__ import annotations

import asyncio
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette

from gateway.server.uvicorn_server import GatewayServer, open_listeners
from gateway.state import GatewayState
from tests.conftest import BrokerPair
from tests.support.prestarted import prestarted
from tests.support.waiting import until

REPOSITORY = Path(__file__).parents[2]
DEADLINE_S = 300.0


async def served(app: Starlette, state: GatewayState) -> tuple[GatewayServer, asyncio.Task[None], int]:
    """Serve an application in this event loop.

    Returns:
        the server, the task that ends after ``server.stop()``, and the port.
    """
    listeners = open_listeners(state.settings)
    server = GatewayServer(app, state)
    task = asyncio.create_task(server._serve(listeners))  # no signal handlers in a test
    await until(lambda: server.started, "the server starts", unless=task.done)
    return server, task, listeners[0].getsockname()[1]


@dataclass
class GatewayProcess:
    """A gateway process and the lines it has logged."""

    process: subprocess.Popen[bytes]
    lines: list[bytes] = field(default_factory=list)
    address: str = ""
    _incoming: queue.SimpleQueue[bytes | None] = field(default_factory=queue.SimpleQueue)

    def read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._incoming.put(line)
        self._incoming.put(None)

    def wait_for(self, event: str) -> dict[str, Any]:
        """The next log line with this event; fails at once if the process ends without it."""
        deadline = time.monotonic() + DEADLINE_S
        while (left_s := deadline - time.monotonic()) > 0:
            with suppress(queue.Empty):
                line = self._incoming.get(timeout=left_s)
                assert line is not None, f"the process ended without a line {event!r}: {self.lines}"
                self.lines.append(line)
                if line.startswith(b"{") and (document := orjson.loads(line))["event"] == event:
                    return dict(document)
        raise AssertionError(f"no line {event!r} within {DEADLINE_S:g} s: {self.lines}")

    def ended(self) -> tuple[int, list[bytes]]:
        """Wait for the process to end; returns its exit code and all its lines."""
        code = self.process.wait(DEADLINE_S)
        self.reader.join(DEADLINE_S)
        while not self._incoming.empty():
            if (line := self._incoming.get()) is not None:
                self.lines.append(line)
        return code, self.lines

    def __post_init__(self) -> None:
        self.reader = threading.Thread(target=self.read)
        self.reader.start()


def environment(folder: Path, brokers: BrokerPair | None, **settings: str) -> dict[str, str]:
    urls = {"A3CP_FRAMES_URL": "unix:///nowhere/frames.sock", "A3CP_EVENTS_URL": "unix:///nowhere/events.sock"}
    if brokers is not None:
        urls = {"A3CP_FRAMES_URL": brokers.frames.url, "A3CP_EVENTS_URL": brokers.events.url}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("A3CP_", "STREAM_"))}
    folders = {"DATA_ROOT": str(folder / "data"), "LOG_ROOT": str(folder / "logs")}
    return {**inherited, **urls, **folders, "A3CP_PORT": "0", **settings}


@contextmanager
def launched(
    folder: Path,
    brokers: BrokerPair | None = None,
    *,
    module: str = "gateway",
    arguments: Sequence[str] = (),
    forked: bool = True,
    **settings: str,
) -> Iterator[GatewayProcess]:
    """Run a gateway, or another module of the project, as a process; kill it at the end if it still runs. It is forked
    from one that has the imports (`tests.support.prestarted`), or really started."""
    with prestarted() if forked else nullcontext():
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=REPOSITORY,
            env=environment(folder, brokers, **settings),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
    gateway = GatewayProcess(process)
    try:
        yield gateway
    finally:
        process.kill()
        process.wait()
        gateway.reader.join()
        assert process.stderr is not None
        process.stderr.close()


@contextmanager
def serving(
    folder: Path, brokers: BrokerPair | None = None, *, arguments: Sequence[str] = (), **settings: str
) -> Iterator[GatewayProcess]:
    """A gateway process that listens."""
    with launched(folder, brokers, arguments=arguments, **settings) as gateway:
        gateway.address = gateway.wait_for("listening")["address"]
        yield gateway
