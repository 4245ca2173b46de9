"""A proxy in front of one broker that sees every command and its sender, and can interfere with any one of them.

A `Trap` waits for the n-th command of a kind and springs at one of two moments: ``asked``, before the broker has
seen the command, or ``answered``, after the broker has run it and before the sender has its reply. It may run a
hook then (kill the sender, hold the command, start another fault), and pass, cut or swallow the command.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

from tests.integration.faults.resp import LIMIT_BYTES, read_reply, read_request
from tests.support.waiting import DEADLINE_S

__all__ = ["Address", "Command", "Moment", "Proxy", "Then", "Trap", "script_names"]

Address = Path | tuple[str, int]
"""A Unix socket, or a host and a port."""

Moment = Literal["asked", "answered"]
Then = Literal["pass", "cut", "swallow"]
"""``cut`` closes the connection; ``swallow`` says nothing more on it until its sender gives up."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command on its way. ``name`` is lower case, or the script's name; a script's arguments are its keys and
    its ARGV. ``pid`` is the process that opened the connection, 0 if the connection is no Unix socket; ``kind`` is what
    that process was then. ``reply`` is the broker's, as it came, once there is one."""

    name: str
    arguments: tuple[bytes, ...]
    pid: int
    kind: str
    connection: int
    reply: bytes = b""


Hook = Callable[[Command], Awaitable[None] | None]


@dataclass(slots=True)
class Trap:
    """Springs at the ``nth`` command that it takes, and at the ``times - 1`` after that."""

    name: str
    moment: Moment
    then: Then
    do: Hook | None
    nth: int
    times: int
    where: Callable[[Command], bool]
    seen: int = 0
    commands: list[Command] = field(default_factory=list)
    _sprung: asyncio.Event = field(default_factory=asyncio.Event)

    async def sprung(self, within_s: float = DEADLINE_S) -> Command:
        """Wait until it has sprung and its hook is done; returns the command.

        Raises:
            TimeoutError: it did not.
        """
        async with asyncio.timeout(within_s):
            await self._sprung.wait()
        return self.commands[0]

    def takes(self, command: Command, moment: Moment) -> bool:
        """Whether the trap springs at this command."""
        if moment != self.moment or self.name not in (command.name, "*") or not self.where(command):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times

    async def spring(self, command: Command) -> Then:
        """Do what is to be done, and say how it goes on."""
        self.commands.append(command)
        if self.do is not None:
            waiting = self.do(command)
            if inspect.isawaitable(waiting):
                await waiting
        self._sprung.set()
        return self.then


def script_names(tree: Path) -> dict[str, str]:
    """The scripts of a source tree: SHA-1 by name."""
    folder = tree / "contracts" / "state" / "lua"
    return {hashlib.sha1(p.read_bytes(), usedforsecurity=False).hexdigest(): p.stem for p in folder.rglob("*.lua")}


@dataclass(slots=True)
class Proxy:
    """Passes everything on between ``listen`` and ``target``, unless it is told otherwise.

    Attributes:
        scripts: their names by SHA-1.
        kind_of: what the process with a pid is.
        delay_s: how long every command is held before it is passed on.
        pids: every process that ever connected.
        counts: how many commands were answered, by the sender's kind and the command's name.
        errors: what went wrong in hooks.
    """

    listen: Address
    target: Address
    scripts: Mapping[str, str]
    kind_of: Callable[[int], str] = lambda _: ""
    delay_s: float = 0.0
    pids: set[int] = field(default_factory=set)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    errors: list[BaseException] = field(default_factory=list)
    _traps: list[Trap] = field(default_factory=list)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _flows: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None
    _connections: int = 0
    _refuses: bool = False

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return (
            f"unix://{self.listen}" if isinstance(self.listen, Path) else f"redis://{self.listen[0]}:{self.listen[1]}"
        )

    async def start(self) -> None:
        """Listen; for port 0, on a port that is free."""
        if isinstance(self.listen, Path):
            self._server = await asyncio.start_unix_server(self._serve, self.listen, limit=LIMIT_BYTES)
        else:
            self._server = await asyncio.start_server(self._serve, *self.listen, limit=LIMIT_BYTES)
            self.listen = (self.listen[0], self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        self.cut_all()
        for flow in self._flows:
            flow.cancel()
        await asyncio.gather(*self._flows, return_exceptions=True)

    def trap(
        self,
        name: str,
        moment: Moment = "answered",
        then: Then = "pass",
        *,
        do: Hook | None = None,
        nth: int = 1,
        times: int = 1,
        where: Callable[[Command], bool] = lambda _: True,
    ) -> Trap:
        """Set a trap for commands called ``name`` (``*``: any) for which ``where`` holds."""
        trap = Trap(name, moment, then, do, nth, times, where)
        self._traps.append(trap)
        return trap

    def release(self) -> None:
        """Remove every trap and accept connections again."""
        self._traps.clear()
        self._refuses = False
        self.delay_s = 0.0

    def refuse(self) -> None:
        """Cut every connection and let none in until `release`: a broker that cannot be reached."""
        self._refuses = True
        self.cut_all()

    def cut_all(self) -> None:
        """Cut every connection that is open now."""
        for writer in self._open:
            writer.transport.abort()

    # --- one connection -----------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._flows.add(task)
        task.add_done_callback(self._flows.discard)
        ends = {writer}
        self._open.add(writer)
        try:
            if self._refuses:
                return
            broker_reader, broker_writer = await self._connect()
            ends.add(broker_writer)
            self._open.add(broker_writer)
            await self._pump(reader, writer, broker_reader, broker_writer)
        except (OSError, EOFError, asyncio.CancelledError):
            return
        except Exception as error:  # an error of the hook itself, which the harness shows
            self.errors.append(error)
        finally:
            self._open -= ends
            for end in ends:
                end.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.target, Path):
            return await asyncio.open_unix_connection(self.target, limit=LIMIT_BYTES)
        return await asyncio.open_connection(*self.target, limit=LIMIT_BYTES)

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        broker_reader: asyncio.StreamReader,
        broker_writer: asyncio.StreamWriter,
    ) -> None:
        self._connections += 1
        pid = _peer_pid(writer)
        self.pids.add(pid)
        sender = partial(Command, pid=pid, kind=self.kind_of(pid), connection=self._connections)
        waiting: deque[Command] = deque()
        flows = {
            asyncio.create_task(self._requests(reader, broker_writer, waiting, sender)),
            asyncio.create_task(self._replies(broker_reader, writer, waiting)),
        }
        try:
            done, _ = await asyncio.wait(flows, return_when=asyncio.FIRST_COMPLETED)
            for flow in done:
                flow.result()
        finally:
            for flow in flows:
                flow.cancel()
            await asyncio.gather(*flows, return_exceptions=True)

    async def _requests(
        self,
        reader: asyncio.StreamReader,
        broker: asyncio.StreamWriter,
        waiting: deque[Command],
        sender: Callable[..., Command],
    ) -> None:
        swallowed = False
        while True:
            raw, words = await read_request(reader)
            name, arguments = self._named(words)
            command = sender(name=name, arguments=arguments)
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            then = await self._meet(command, "asked")
            if then == "cut":
                return
            swallowed = swallowed or then == "swallow"
            if not swallowed:
                waiting.append(command)
                broker.write(raw)
                await broker.drain()

    async def _replies(
        self, broker: asyncio.StreamReader, writer: asyncio.StreamWriter, waiting: deque[Command]
    ) -> None:
        swallowed = False
        while True:
            raw = await read_reply(broker)
            if raw[:1] != b">":  # a push message is no reply to a command
                command = waiting.popleft()
                then: Then = "pass"
                if not raw.startswith(b"-NOSCRIPT"):
                    sender = (command.kind, command.name)
                    self.counts[sender] = self.counts.get(sender, 0) + 1
                    then = await self._meet(replace(command, reply=raw), "answered")
                if then == "cut":
                    return
                swallowed = swallowed or then == "swallow"
            if not swallowed:
                writer.write(raw)
                await writer.drain()

    async def _meet(self, command: Command, moment: Moment) -> Then:
        for trap in list(self._traps):
            if trap.takes(command, moment) and (then := await trap.spring(command)) != "pass":
                return then
        return "pass"

    def _named(self, words: list[bytes]) -> tuple[str, tuple[bytes, ...]]:
        name, arguments = words[0].decode(errors="replace").lower(), words[1:]
        if name in ("evalsha", "eval"):
            sha = arguments[0].decode() if name == "evalsha" else hashlib.sha1(arguments[0]).hexdigest()
            name, arguments = self.scripts.get(sha, name), arguments[2:]
        return name, tuple(arguments)


def _peer_pid(writer: asyncio.StreamWriter) -> int:
    peer = writer.get_extra_info("socket")
    with suppress(OSError, AttributeError):
        if peer.family == socket.AF_UNIX:
            return int(struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0])
    return 0
