"""The whole pipeline on one machine: starts, restarts and stops brokers, gateway, workers and recorders.

``a3cp up`` shows it in a terminal (`scripts.commands.up`); the demo and the tests run it too.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import SecretStr

from contracts.process.certificates import pinned_context
from contracts.process.listeners import local_address_of
from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError, FatalError
from scripts.stack.embedded import EmbeddedBrokers, wait_for_socket
from scripts.stack.ports import gateway_port, metrics_ports
from scripts.stack.running import RESTORING, RUNNING, write_running
from scripts.stack.supervision import Part, PartSpec, Show

__all__ = ["Stack", "gateway_address"]

READY_S = 90.0
ANSWER_S = 5.0
POLL_S = 0.05
TURN_S = 10.0
"""How long a part waits for its turn to start, if the parts before it do not get ready."""


def _silent(_name: str, _line: str) -> None:
    """Ignore a line."""


class Stack:
    """All processes that turn a capture into an artifact and a line in a log.

    With neither broker URL set it starts two private brokers. It is an async context manager: entering it starts the
    stack, leaving it stops the stack.

    Attributes:
        settings: the settings of the parts: the given ones, with the URLs and the port that the stack chose.
        parts: the parts by name: ``frames-broker``, ``events-broker``, ``recorder-1``, ``extractor-1``, ``live-1``,
            ``gateway``, which has ``gateways`` processes. There is no live worker if ``live`` is 0 or
            ``STREAM_ENABLED`` is false.
        metrics: for each part the URL of its metrics, if ``A3CP_METRICS_PORT`` is set; the gateway's are at its
            address.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        extractors: int = 1,
        recorders: int = 1,
        live: int = 0,
        gateways: int = 1,
        show: Show = _silent,
    ) -> None:
        self.settings = settings
        self.parts: dict[str, Part] = {}
        self.metrics: dict[str, str] = {}
        self._extractors = extractors
        self._recorders = recorders
        self._live = live if settings.stream_enabled else 0
        self._gateway = _module("gateway", "--processes", str(gateways))
        self._show = show
        self._embedded: EmbeddedBrokers | None = None
        self._metrics_ports: dict[str, int] = {}

    @property
    def address(self) -> str:
        """The gateway's URL: ``http://host:port``, or ``https`` with a certificate."""
        return gateway_address(self.settings)

    @property
    def urls(self) -> tuple[str, str]:
        """The URLs of the frames and the events broker."""
        return self.settings.broker_urls()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start the parts, the brokers first. `ready` waits until they work.

        Raises:
            FatalError: only one URL is set, the port is in use, another stack uses the state directory, or a broker
                does not start. No part keeps running.
        """
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        settings = self.settings
        if (settings.frames_url is None) != (settings.events_url is None):
            missing = "A3CP_FRAMES_URL" if settings.frames_url is None else "A3CP_EVENTS_URL"
            raise ConfigurationError(
                f"{missing} is not set but the other one is: set both, or neither for private ones"
            )
        if (settings.state_dir / RESTORING).exists():
            raise ConfigurationError("a restore of these folders was killed: run `a3cp restore` again to complete it")
        if settings.frames_url is None:
            self._embedded = EmbeddedBrokers.prepare(settings.state_dir)
        self.settings = settings.model_copy(update={"port": gateway_port(settings)})
        self._metrics_ports = metrics_ports(self.settings, [name for name, _, _ in self._names()])
        for name, port in self._metrics_ports.items():
            self.metrics[name] = gateway_address(self.settings.model_copy(update={"port": port})) + "/metrics"
        if self._embedded is not None:
            self._launch_brokers(self._embedded)
        for name, arguments, stop_s in self._names():
            spec = PartSpec(name, _module(*arguments), self._environ_of(name), stop_s=stop_s)
            self._launch(spec, self._turn_of(name))
        self._launch(PartSpec("gateway", self._gateway, self.settings.environ(), stop_s=20.0))
        if self._embedded is not None:
            await self._wait_for_brokers(self._embedded)
            write_running(self._embedded.state_dir, self.address, self.urls, self.settings.tls_cert)

    def _names(self) -> list[tuple[str, Sequence[str], float]]:
        """Recorders and workers in the order of their start: name, module and arguments, seconds to stop."""
        capture, live = (("workers", "--lane", lane) for lane in ("capture", "live"))
        names: list[tuple[str, Sequence[str], float]] = [
            (f"recorder-{number}", ("recorder",), 10.0) for number in range(1, self._recorders + 1)
        ]
        names += [(f"extractor-{number}", capture, 20.0) for number in range(1, self._extractors + 1)]
        return names + [(f"live-{number}", live, 20.0) for number in range(1, self._live + 1)]

    def _environ_of(self, name: str) -> dict[str, str]:
        """The environment of a recorder or worker. It has the token only if the part serves metrics, which need it."""
        port = self._metrics_ports.get(name)
        changed = (
            {"metrics_port": port}
            if port is not None
            else {"metrics_port": None, "api_token": None, "access_file": None}
        )
        return self.settings.model_copy(update=changed).environ()

    def _launch_brokers(self, embedded: EmbeddedBrokers) -> None:
        for spec in embedded.specs():
            self._launch(spec)
        urls = {role: embedded.url_of(role) for role in ("frames", "events")}
        self.settings = self.settings.model_copy(
            update={f"{role}_url": SecretStr(url) for role, url in urls.items()},
        )

    async def _wait_for_brokers(self, embedded: EmbeddedBrokers) -> None:
        """Wait until the embedded brokers answer. This comes last, so that the other parts load their modules
        meanwhile."""
        for role in ("frames", "events"):
            try:
                async with asyncio.timeout(READY_S):
                    await self._unless_failed(wait_for_socket(embedded.socket_of(role)))
            except TimeoutError:
                said = " ".join(list(self.parts[f"{role}-broker"].recent)[-1:])
                raise FatalError(f"the embedded {role} broker does not start: {said or 'it says nothing'}") from None

    def _launch(self, spec: PartSpec, after: Callable[[], Awaitable[None]] | None = None) -> None:
        part = self.parts[spec.name] = Part(spec, self._show)
        part.start(after)

    async def _unless_failed(self, step: Coroutine[None, None, None]) -> None:
        """Run ``step``. If a part meanwhile fails and a restart would not help, raise that part's error."""
        waiting = asyncio.create_task(step)
        tasks = {part.task for part in self.parts.values() if part.task is not None}
        try:
            done, _ = await asyncio.wait({waiting, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {waiting}:
                task.result()
            await waiting
        finally:
            waiting.cancel()

    async def ready(self, timeout_s: float = READY_S) -> None:
        """Return when the gateway's ``/readyz`` says that a capture can be recorded.

        Raises:
            FatalError: a part failed and a restart would not help, or something is missing after ``timeout_s``.
        """
        missing = ["the gateway does not answer"]  # the error shows the last one
        try:
            async with asyncio.timeout(timeout_s):
                await self._unless_failed(self._gateway_says_ok("/readyz", missing))
        except TimeoutError:
            raise FatalError(f"not ready after {timeout_s:g} s: {missing[-1]}") from None

    async def _gateway_says_ok(self, path: str, missing: list[str]) -> None:
        while True:
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(ANSWER_S):
                    status, text = await _get(self.address, path, self.settings.tls_cert)
                if status == HTTPStatus.OK:
                    return
                missing.append(" ".join(text.split())[:500])
            await asyncio.sleep(POLL_S)

    def _turn_of(self, name: str) -> Callable[[], Awaitable[None]] | None:
        """The wait before a part starts; None if it starts at once. Every part loads modules for half a second or more,
        an extractor longest. On two cores the stack is ready soonest if the extractor has one core, and the gateway and
        then the recorder the other. Live workers start when captures can be recorded."""
        if name.startswith("recorder-"):
            return partial(self._wait_for_turn, "/livez")
        if name.startswith("live-") and self._extractors and self._recorders:
            return partial(self._wait_for_turn, "/readyz")
        return None

    async def _wait_for_turn(self, path: str) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(TURN_S):
                await self._gateway_says_ok(path, [])

    async def failed(self) -> None:
        """Wait until a part fails and a restart would not help, and raise its error."""
        await self._unless_failed(_forever())

    async def stop(self) -> None:
        """Stop the gateway first, then workers, recorders and the brokers. It may be repeated."""
        for group in ("gateway", ("extractor-", "live-"), "recorder-", "frames-broker", "events-broker"):
            await asyncio.gather(*(part.stop() for name, part in self.parts.items() if name.startswith(group)))
        if self._embedded is not None:
            (self._embedded.state_dir / RUNNING).unlink(missing_ok=True)
            self._embedded.release()
            self._embedded = None

    def kill(self) -> None:
        """Kill every part at once; `stop` then does not wait."""
        for part in self.parts.values():
            part.kill()


async def _get(address: str, path: str, cert: Path | None) -> tuple[int, str]:
    """Send a GET to a server of this machine; returns the status and the body. It speaks HTTP itself, because loading
    httpx would delay every start by 0.1 s. ``cert`` is the server's certificate, if it has one.

    Raises:
        OSError: the server does not answer in HTTP.
    """
    url = urlsplit(address)
    reader, writer = await asyncio.open_connection(url.hostname, url.port, ssl=cert and pinned_context(cert))
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        status = head.split(maxsplit=2)[1:2]
        if not status or not status[0].isdigit():
            raise ConnectionError("no answer in HTTP")
        return int(status[0]), body.decode(errors="replace")
    finally:
        writer.close()


async def _forever() -> None:
    await asyncio.get_running_loop().create_future()


def _module(name: str, *arguments: str) -> Sequence[str]:
    """The command of a part. It runs the module, not `a3cp`, which would first load the libraries of the command
    line."""
    return sys.executable, "-m", name, *arguments


def gateway_address(settings: Settings) -> str:
    """The URL of a gateway with these settings, as this machine reaches it."""
    return local_address_of(settings.host, settings.port, settings.scheme)
