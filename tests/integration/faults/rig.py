"""The rig: the real stack, in which a test can break every process and both brokers."""

from __future__ import annotations

import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx
import redis.asyncio
from pydantic import SecretStr

from contracts.broker import keys
from contracts.broker.roles import AsyncBroker, Role, broker_time_ms
from contracts.process.settings import Settings
from contracts.rules.limits import CaptureLimits
from scripts.stack.supervision import Part, PartSpec
from tests.conftest import BrokerPair
from tests.integration.faults.clusters import ClusterPair
from tests.integration.faults.history import History
from tests.integration.faults.parts import Note
from tests.integration.faults.proxy import Proxy, script_names
from tests.integration.faults.stand_in import Model
from tests.support.waiting import until

__all__ = ["REPOSITORY", "Rig", "free_port", "rig_on", "started"]

REPOSITORY = Path(__file__).parents[3]
QUIET_S = 30.0


class Rig:
    """A running stack of which everything can be broken.

    Attributes:
        frames, events: clients of the brokers themselves, past the proxies.
        frames_proxy, events_proxy: what the stack's processes connect to; the nodes of a cluster have none.
        parts: ``recorder-1``, ``recorder-2``, ``extractor-1`` …, ``gateway``; each is started again when it dies.
        random: of the run's seed.
        model: what the extractors run; with the stand-in a play takes a fraction of the processor time.
        quiet_s: how long to wait for quiet.
    """

    def __init__(
        self,
        brokers: BrokerPair | ClusterPair,
        folder: Path,
        *,
        extractors: int = 2,
        recorders: int = 2,
        tree: Path = REPOSITORY,
        limits: dict[str, Any] | None = None,
        seed: int = 1,
        model: Model = "mediapipe",
        dress: Callable[[PartSpec], PartSpec] = lambda spec: spec,
    ) -> None:
        self.brokers = brokers
        self.folder = folder
        self.random = random.Random(seed)
        self.model = model
        self.quiet_s = QUIET_S
        self.said: list[str] = []
        self.parts: dict[str, Part] = {}
        self.paused: set[int] = set()
        scripts = script_names(tree)
        self.frames_proxy = Proxy(folder / "frames.sock", brokers.frames.folder / "broker.sock", scripts, self.kind_of)
        self.events_proxy = Proxy(folder / "events.sock", brokers.events.folder / "broker.sock", scripts, self.kind_of)
        self.frames, self.events = _client(brokers.frames.url), _client(brokers.events.url)
        through_proxies = isinstance(brokers, BrokerPair)
        frames_url, events_url = [
            (proxy if through_proxies else broker).url
            for proxy, broker in ((self.frames_proxy, brokers.frames), (self.events_proxy, brokers.events))
        ]
        self.settings = Settings(
            data_root=folder / "data", log_root=folder / "logs", state_dir=folder / "state",
            frames_url=SecretStr(frames_url), events_url=SecretStr(events_url),
            port=free_port(),
            capture=CaptureLimits(**({"max_captures_per_user": 64, "recheck_s": 1} | (limits or {}))),
        )  # fmt: skip
        self._tree = tree
        self._dress = dress
        self._names = [
            *(f"recorder-{number + 1}" for number in range(recorders)),
            *(f"extractor-{number + 1}" for number in range(extractors)),
            "gateway",
        ]
        self._histories: list[History] = []

    @property
    def address(self) -> str:
        """The gateway's URL."""
        return f"http://127.0.0.1:{self.settings.port}"

    def next_history(self) -> History:
        """A history of its own for every play."""
        self._histories.append(History(self.folder / f"history-{len(self._histories) + 1}.jsonl"))
        return self._histories[-1]

    # --- starting and stopping ----------------------------------------------------------------------

    async def start(self) -> None:
        """Start everything; returns when it is whole."""
        (self.folder / "scratch").mkdir(parents=True, exist_ok=True)  # what goes there is looked at too
        await self.load_scripts()
        await self.frames_proxy.start()
        await self.events_proxy.start()
        for name in self._names:
            self.parts[name] = part = Part(self.spec(name), lambda name, line: self.said.append(f"{name} | {line}"))
            part.start()
        await self.whole()

    def spec(self, name: str) -> PartSpec:
        """The command and environment of a part."""
        command = [sys.executable, "-P", "-m", "tests.integration.faults.parts", name.split("-")[0]]
        paths = {"PYTHONPATH": f"{self._tree}:{REPOSITORY}", "TMPDIR": str(self.folder / "scratch")}
        environ = self.settings.environ() | paths | {"FAULTS_MODEL": self.model}
        return self._dress(PartSpec(name, command, environ))

    async def load_scripts(self) -> None:
        """Load every script, so that a trap at a script does not meet a NOSCRIPT first."""
        for path in (self._tree / "contracts" / "state" / "lua").rglob("*.lua"):
            for broker in (self.frames, self.events):
                await broker.script_load(path.read_text())

    async def stop(self) -> None:
        """Kill every process at once."""
        self.resume_all()
        for history in self._histories:
            history.close()  # that of a play which failed is open still
        for part in self.parts.values():
            part.kill()
        for part in self.parts.values():
            await part.stop()
        for proxy in (self.frames_proxy, self.events_proxy):
            await proxy.stop()
        known = self.frames_proxy.pids | self.events_proxy.pids
        for pid in known:  # a part's processes are in its session, also when it has ended
            with suppress(ProcessLookupError):
                if os.getsid(pid) in known:
                    self.kill(pid)
        await self.frames.aclose()
        await self.events.aclose()

    async def whole(self) -> None:
        """Wait until every part is up again: the gateway ready, all extractors live, a leader and its standby."""

        async def is_whole() -> bool:
            extractors = len(await self.extractor_pids())
            recorders = sum(self._stands_by(name) for name in self._names if name.startswith("recorder"))
            return (
                await self.ready()
                and extractors == sum(name.startswith("extractor") for name in self._names)
                and recorders == sum(name.startswith("recorder") for name in self._names)
                and await self.leader_pid() is not None
            )

        await until(is_whole, "the stack is whole")

    async def ready(self) -> bool:
        """Whether ``/readyz`` says so."""
        return await self.ask("/readyz") == 200

    async def ask(self, path: str) -> int:
        """The status that a GET of the gateway is answered with; 0 for none."""
        # it is asked again and again: to load certificates each time would take a core from the parts that start
        async with httpx.AsyncClient(base_url=self.address, trust_env=False, timeout=5.0, verify=False) as http:
            try:
                return (await http.get(path)).status_code
            except httpx.TransportError:
                return 0

    def _stands_by(self, name: str) -> bool:
        part = self.parts[name]
        return part.pid is not None and _count(self.said, name, "the recorder stands by") >= part.starts

    # --- processes by their role ---------------------------------------------------------------------------------

    async def extractor_pids(self) -> list[int]:
        """The live extractor processes with a heartbeat."""
        since_ms = await broker_time_ms(self.frames, "frames", keys.EXTRACTORS) - 1500
        names = await self.frames.zrangebyscore(keys.EXTRACTORS, since_ms, "+inf")
        return [pid for name in names if (pid := _pid_of(name)) is not None]

    async def leader_pid(self) -> int | None:
        """The active recorder's process."""
        return _pid_of(await self.events.get(keys.RECORDER_LEADER))

    async def owners(self) -> list[int]:
        """The extractors that have a capture in hand."""
        pending = await self.frames.xpending_range(keys.CAPTURES, keys.EXTRACTOR_GROUP, "-", "+", 50)
        return [pid for entry in pending if (pid := _pid_of(entry["consumer"])) is not None]

    def kind_of(self, pid: int) -> str:
        """What a process of the stack is: ``gateway``, ``extractor`` or ``recorder``; empty if it is gone."""
        with suppress(ProcessLookupError):
            group = os.getpgid(pid)  # the extractor's pool has processes of its own
            return next((name.split("-")[0] for name, part in self.parts.items() if part.pid == group), "")
        return ""

    def proxy(self, role: Role) -> Proxy:
        """The proxy in front of a role's broker."""
        return self.frames_proxy if role == "frames" else self.events_proxy

    @asynccontextmanager
    async def note(self, note: Note) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """Leave a note for the first process whom it concerns; gives what waits until it is taken."""
        path = self.folder / note
        path.touch()

        async def taken() -> bool:
            return not path.exists()

        try:
            yield lambda: until(taken, f"a process takes the note: {note}")
        finally:
            path.unlink(missing_ok=True)

    def is_stopped(self, pid: int) -> bool:
        """Whether a process sleeps by a SIGSTOP."""
        with suppress(OSError):
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
        return False

    def kill(self, pid: int) -> None:
        """kill -9; ignores a process that has ended."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self.paused.discard(pid)

    def pause(self, pid: int) -> None:
        """SIGSTOP."""
        self.paused.add(pid)
        os.kill(pid, signal.SIGSTOP)

    def resume(self, pid: int) -> None:
        """SIGCONT."""
        self.paused.discard(pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def resume_all(self) -> None:
        """SIGCONT to every stopped process: its fault may have been interrupted."""
        for pid in list(self.paused):
            self.resume(pid)


def _client(url: str) -> AsyncBroker:
    """A client past the proxies, which tries again what fails."""
    if url.startswith("redis-cluster://"):
        return redis.asyncio.RedisCluster.from_url(url.replace("redis-cluster", "redis", 1))
    return redis.asyncio.Redis.from_url(url)


def _count(said: Sequence[str], name: str, text: str) -> int:
    return sum(line.startswith(f"{name} | ") and text in line for line in said)


def _pid_of(name: bytes | None) -> int | None:
    """The process that a consumer is named after, host-pid-random, if it lives."""
    if name is None or name.count(b"-") < 2:
        return None
    pid = int(name.split(b"-")[-2])
    return pid if Path(f"/proc/{pid}").exists() else None


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def rig_on(brokers: BrokerPair | ClusterPair, folder: Path, **options: Any) -> AbstractAsyncContextManager[Rig]:
    """A rig that is whole; see `started`."""
    return started(Rig(brokers, folder, **options))


AnyRig = TypeVar("AnyRig", bound=Rig)


@asynccontextmanager
async def started(rig: AnyRig) -> AsyncIterator[AnyRig]:
    """Start a rig, and stop it afterwards; what its parts said is printed if anything fails."""
    try:
        await rig.start()
        yield rig
    except BaseException:
        print("\n".join(rig.said[-400:]))
        raise
    finally:
        await rig.stop()
