"""Hostile values in both brokers, one at a time, while the real processes run, each with its own user's rights.

``python -m tests.integration.faults.hostile_broker [valkey|redis] [--each N] [--seed N]`` writes all of them, or N of
each key, and prints what was tried and how many processes were lost; ``--only KEY --value VALUE`` tries a finding
again. A value is written with the rights of the first process that may write it, and else by a user who may everything,
as there is where no rules are set.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import httpx
import redis
from rich.console import Console

from contracts.broker import keys
from contracts.broker.acl import User
from contracts.broker.roles import Role
from contracts.process.settings import Settings
from contracts.rules.paths import session_features_dir, session_log_path
from contracts.storage.artifacts import ArtifactSource
from recorder.verify import verify_log
from scripts.client import CaptureClient, ClientError
from scripts.clips.stream import stream_capture
from scripts.commands.inspect import inspect
from scripts.stack.stack import Stack
from scripts.stack.supervision import PartSpec
from tests.integration.faults.hostile_turns import Standstill, count_turns, while_others_turn
from tests.integration.faults.hostile_values import TARGETS, Item, Target, items_of
from tests.integration.faults.rig import REPOSITORY
from tests.integration.stacks import USER, FaceClip, jpegs
from tests.integration.test_acl import Guarded, GuardedStack, settings_of, upload
from tests.support.brokers import Flavour
from tests.support.guarded import GuardedBroker, guarded
from tests.support.waiting import DEADLINE_S

__all__ = ["Attack", "attack", "sampled"]

WORKERS = (
    "CAPTURES",
    "UPLOADS",
    "ERASURES",
    "EXTRACTORS",
    "LIVE_WORKERS",
    "LIVE_SESSIONS",
    "live_inbox",
    "live_outbox",
)
"""The keys that a worker reads again and again; those of a capture it reads when it takes the capture."""
OPENING = ("session", "window", "user_captures")
"""The keys that a gateway reads when a capture is opened: the victim opens one, and gives it up."""
HOUR_MS = 3_600_000
OTHER_TURNS = {"gateway": 2, "recorder": 2}
ALL_TURNS = {**OTHER_TURNS, "extractor": 12, "heartbeats": 4, "live": 2}
"""How many more turns of each loop show that a whole one began and ended after a value was written: they are counted
when they begin. An extractor asks for the captures of two queues in a turn, and its eraser, which is about as quick,
for one."""
FRAMES = 31
MANY = 10
"""With so many values of a key, an honest capture follows each key, not only the last one."""


class QuickStack(GuardedStack):
    """A stack of `hostile_parts`, of the source in ``tree``."""

    def __init__(self, guarded: Guarded, settings: Settings, tree: Path = REPOSITORY, **options: Any) -> None:
        super().__init__(guarded, settings, **options)
        self._tree = tree

    def _launch(self, spec: PartSpec, after: Any = None) -> None:
        kind = spec.name.partition("-")[0]
        command = [sys.executable, "-P", "-m", "tests.integration.faults.hostile_parts", kind]
        environ = {**spec.environ, "PYTHONPATH": f"{self._tree}:{REPOSITORY}"}
        super()._launch(replace(spec, command=command, environ=environ), after)


@dataclass
class Attack:
    """A running system, and the hostile values written into its brokers."""

    stack: Stack
    brokers: dict[Role, GuardedBroker]
    folder: Path
    gateway: CaptureClient
    session_id: str
    http: httpx.AsyncClient
    operator: Any
    worker: str = ""
    outbox: str = ""
    tried: Counter[str] = field(default_factory=Counter)
    """Values, by their key."""
    written: Counter[str] = field(default_factory=Counter)
    """Values, by the user who wrote them."""
    refused: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    """Processes that ended."""
    findings: list[str] = field(default_factory=list)
    """What else went wrong."""
    recorded: int = 1
    _awaited: str = ""
    _admins: dict[Role, redis.Redis] = field(default_factory=dict)
    _pids: dict[str, set[int]] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """A report of the values that were written and the processes that ended."""
        by = ", ".join(f"{count} as {user}" for user, count in self.written.items())
        tried = f"{len(self.tried)} keys x {self.tried.total()} values tried ({by})"
        refused = f"{self.refused.total()} of them refused by the broker"
        return f"{tried}, {refused}, {len(self.lost)} processes lost, {len(self.findings)} other findings"

    def admin(self, role: Role) -> redis.Redis:
        return self._admins.setdefault(role, self.brokers[role].client())

    async def attack_key(self, target: Target, items: list[Item]) -> None:
        """Write the items one at a time, and take away what is left of them.

        Raises:
            Standstill: no more can be tried.
        """
        for item in items:
            await self.write(item)
        await self.inspect(target.name)
        await self.clean(target, items)

    # --- living processes -----------------------------------------------------------------------------------

    def pids(self) -> dict[str, set[int]]:
        """The processes of each part, those that it started too."""
        return {
            name: {part.pid, *_children(part.pid)} if part.pid else set() for name, part in self.stack.parts.items()
        }

    async def check(self, what: str, item: Item | None = None) -> None:
        """Note the parts of which a process has ended since the last check, take the item away that ended them, and
        wait until they are back.

        Raises:
            Standstill: they do not come back, or end again.
        """
        lost = self._ended()
        for name in lost:
            said = [line for line in self.stack.parts[name].recent if "error" in line or "ended" in line]
            self.lost.append(f"{name} after {what}: {' '.join(said[-2:])[:600]}")
        if not lost:
            return
        if item is not None:  # it might end them again, and the report would blame the next value
            await self.clean(item.target, [item])
        await self._wait_for(self._whole, f"the system is not whole again after {what}")
        await self._turned(await self._turns(), OTHER_TURNS, what)  # what met it too has ended by then
        self._pids = self.pids()
        await self._turned(await self._turns(), OTHER_TURNS, what)
        if again := self._ended():
            raise Standstill(f"again and again there end after {what}: {', '.join(again)}")

    def _ended(self) -> list[str]:
        """The parts of which a process has ended since the last time."""
        before, self._pids = self._pids, self.pids()
        return [name for name, pids in before.items() if pids - self._pids[name]]

    async def _whole(self) -> bool:
        with suppress(httpx.HTTPError):
            ready = (await self.http.get("/readyz")).is_success
            return ready and all(part.pid for part in self.stack.parts.values())
        return False

    async def _wait_for(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        await while_others_turn(condition, self._turns, what)

    # --- writing values -----------------------------------------------------------------------------

    async def write(self, item: Item) -> None:
        """Put the item into its broker, and wait until every process that ever looks there has looked at it.

        Raises:
            Standstill: one does not, or what was in the queues stays there.
        """
        what = f"{item.target.name}: {item.what}"
        loops = ALL_TURNS if item.target.name in WORKERS else OTHER_TURNS
        await asyncio.to_thread(self._write, item)
        before = await self._turns()
        try:
            await self._seen(item)
        except Exception as error:
            self.findings.append(f"the gateway's answer after {what}: {type(error).__name__} {str(error)[:200]}")
        try:
            await self._turned(before, loops, what)
            if item.blocks:  # or it would be all that is ever seen of this key
                await self.clean(item.target, [item])
            await self._wait_for(self._queues_empty, f"something is never let go after {what}")
        finally:
            await self.check(what, item)

    def _write(self, item: Item) -> None:
        name, victim = item.target.name, item.victim
        admin, frames, events = self.admin(item.target.role), self.admin("frames"), self.admin("events")
        if name in OPENING:
            events.hset(keys.session(victim.session_id), mapping=dict(victim.session()))  # type: ignore[arg-type]
        if name == "receipt":
            self._awaited = self._next_event_id(events)
            item = replace(item, command=(item.command[0], keys.receipt(self._awaited), *item.command[2:]))
        if item.instead:
            admin.delete(str(item.command[1]))
        elif name.startswith("capture_keys") or name in ("uploaded_video", "CAPTURES", "UPLOADS"):
            self._put_capture(frames, item)
        elif name == "capture_record":
            events.hset(str(item.command[1]), mapping=dict(victim.record()))  # type: ignore[arg-type]
        self._command(item)
        if name == "capture_keys.frames":
            with suppress(redis.exceptions.ResponseError):  # there can be no more entries
                entry_id, fields = list(victim.frames())[-1]
                frames.execute_command("XADD", item.command[1], entry_id, *fields)
        if name.startswith("capture_keys") or name == "uploaded_video":
            queue = keys.UPLOADS if name == "uploaded_video" else keys.CAPTURES
            frames.xadd(queue, {"capture_id": victim.capture_id, "user_id": "victim"})
        if name == "capture_record":
            events.zadd(keys.UNFINISHED, {victim.capture_id: 1})

    def _next_event_id(self, events: redis.Redis) -> str:
        """The ID of the event that comes next: once there was one of a time to come, each has only the next number."""
        last, (seconds, _) = _last_id(events), events.time()
        if last < f"{1000 * seconds + HOUR_MS // 2}":
            last = events.xadd(keys.EVENTS, {"no": "event"}, f"{1000 * seconds + HOUR_MS}-0").decode()
        milliseconds, _, number = last.partition("-")
        return f"{milliseconds}-{int(number) + 1}"

    def _put_capture(self, frames: redis.Redis, item: Item) -> None:
        victim, video = item.victim, item.target.name == "uploaded_video"
        names = keys.capture_keys(victim.capture_id)
        # the session manager made it; without it the artifact is tried again for minutes
        session_features_dir(self.folder / "data", victim.user_id, victim.session_id).mkdir(parents=True)
        frames.hset(names.state, mapping=dict(victim.state(video)))  # type: ignore[arg-type]
        if item.target.name == "capture_keys.rows":
            frames.hset(names.state, "extracted", 1)
        if video:
            frames.hset(keys.uploaded_video(victim.upload_id), "0", b"x" * 100)
        elif item.target.name != "capture_keys.frames":
            for entry_id, fields in victim.frames():
                frames.execute_command("XADD", names.frames, entry_id, *fields)

    def _command(self, item: Item) -> None:
        """Run the command as the first user who may, and count who that was."""
        users: list[User] = ["gateway", "extractor", "live", "recorder"]
        for user in [*users, "admin"]:
            broker = self.brokers[item.target.role]
            client = broker.client() if user == "admin" else broker.client_of(user)
            with client:
                try:
                    client.execute_command(*item.command)
                except redis.exceptions.NoPermissionError:
                    continue
                except redis.exceptions.ResponseError as error:
                    self.refused[str(error)[:40]] += 1
                self.tried[item.target.name] += 1
                self.written[user] += 1
                return

    async def _seen(self, item: Item) -> None:
        """Ask the gateway for what it reads only when a client asks."""
        victim = item.victim
        ids = {"user_id": victim.user_id, "session_id": victim.session_id}
        if item.target.name in ("capture_record", "capture_keys.state"):
            for path in (f"/captures/{victim.capture_id}", f"/captures/{victim.capture_id}/preview.png",
                         f"/video/status/{victim.capture_id}", f"/video/results/{victim.capture_id}"):  # fmt: skip
                answer = await self.http.get(path)
                assert answer.headers["content-type"].startswith(("application/json", "image/")), path
        if item.target.name == "receipt":
            with suppress(ClientError):
                await self.gateway.start_session(victim.user_id)
            last = await asyncio.to_thread(_last_id, self.admin("events"))
            assert last == self._awaited, "the gateway awaited another receipt"
        if item.target.name in OPENING:
            session = self.gateway.session(victim.user_id, session_id=victim.session_id)
            with suppress(ClientError):
                async with session.capture(fps=15, width=640, height=480, record_id=victim.record_id) as capture:
                    await capture.abort()
        if item.target.name == "session":
            await self.http.post("/session_manager/sessions.validate", json=ids)
            base = {"schema_version": "1.0.1", "record_id": victim.record_id, "timestamp": "2026-01-31T12:00:00Z"}
            end = {**base, **ids, "performer_id": "victim", "end_time": "2026-01-31T12:00:00Z"}
            answer = await self.http.post("/session_manager/sessions.end", json=end)
            assert "error" in answer.json() or answer.status_code == 200

    # --- every loop has its turn ---------------------------------------------------------------------

    async def _turns(self) -> Mapping[str, int]:
        return await asyncio.to_thread(count_turns, self.admin("frames"), self.admin("events"))

    async def _turned(self, before: Mapping[str, int], loops: Mapping[str, int], what: str) -> None:
        async def all_did() -> bool:
            now = await self._turns()
            waited_for[:] = [name for name, turns in loops.items() if now[name] < before[name] + turns]
            return not waited_for

        waited_for: list[str] = []
        try:
            await self._wait_for(all_did, f"a loop stands still after {what}")
        except Standstill as error:
            raise Standstill(f"{error}: {', '.join(waited_for)}") from None

    async def _queues_empty(self) -> bool:
        """Every capture that was dispatched is over for the extractors, and every event for the recorder."""

        def left() -> int:
            dispatched = sum(self.admin("frames").xlen(queue) for queue in (keys.CAPTURES, keys.UPLOADS))
            return dispatched + self.admin("events").xlen(keys.EVENTS)

        return not await asyncio.to_thread(left)

    # --- honest clients --------------------------------------------------------------------------

    async def honest(self, what: str, *, whole: bool = False) -> None:
        """Check that a capture of an honest user, and if ``whole`` an upload and a live frame, succeed."""
        try:
            outcome = await stream_capture(self.gateway, FaceClip(FRAMES), user_id=USER, session_id=self.session_id)
            assert outcome.recorded, outcome
            self.recorded += 1
            if whole:
                assert (await upload(self.stack.address, self.session_id))["status"] == "done"
                self.recorded += 1
                async with self.gateway.live("pose") as live:
                    assert await live.ask(jpegs(1)[0]) is not None
            settings = self.stack.settings
            log = session_log_path(settings.log_root, USER, self.session_id)
            report = verify_log(log, ArtifactSource.of(settings))
            assert report.ok and len(report.captures) == self.recorded, report
        except Exception as error:
            self.findings.append(f"an honest user after {what}: {type(error).__name__} {str(error)[:300]}")
        await self.check(f"honest use after {what}")

    async def inspect(self, what: str) -> None:
        """Run the operator's commands."""
        try:
            page = StringIO()
            await asyncio.to_thread(inspect, self.operator, Console(file=page, width=120))
            assert "\x1b" not in page.getvalue()
        except Exception as error:
            self.findings.append(f"a3cp inspect after {what}: {type(error).__name__} {str(error)[:200]}")

    async def clean(self, target: Target, items: list[Item]) -> None:
        """Delete the hostile value of a key."""
        names = {str(item.command[1]) for item in items}

        def remove() -> None:
            admin, name = self.admin(target.role), next(iter(names))
            of_its_own = target.kind != "stream" or not target.shared or target.name == "DEAD_EVENTS"
            if of_its_own or admin.type(name) != b"stream" or _is_used_up(admin, name):
                admin.delete(*names)

        await asyncio.to_thread(remove)


def _last_id(events: redis.Redis) -> str:
    info: Any = events.xinfo_stream(keys.EVENTS)
    return str(info["last-generated-id"].decode())


def _is_used_up(admin: redis.Redis, stream: str) -> bool:
    info: Any = admin.xinfo_stream(stream)
    return bool(info["last-generated-id"].startswith(str(2**64 - 1).encode()))


def _children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield int(child)
            yield from _children(int(child))


def sampled(target: Target, items: list[Item], each: int | None, seed: int) -> list[Item]:
    """So many of a key's items, by the seed; all of them for None."""
    if each is None or each >= len(items):
        return items
    return random.Random(f"{seed} {target.name}").sample(items, each)


@asynccontextmanager
async def attack(flavour: Flavour, folder: Path, show: Any, tree: Path = REPOSITORY) -> AsyncIterator[Attack]:
    """A system under attack, on brokers of its own; its processes run the source in ``tree``."""
    brokers: dict[Role, GuardedBroker] = {role: guarded(flavour, role) for role in get_args(Role)}
    try:
        rights = Guarded(lambda user: {role: broker.url_of(user) for role, broker in brokers.items()}, [])
        operator = settings_of(rights, "operator", folder)
        async with QuickStack(rights, operator, tree, live=1, show=show) as stack:
            await stack.ready(DEADLINE_S)
            async with (
                CaptureClient(stack.address) as gateway,
                httpx.AsyncClient(base_url=stack.address, timeout=DEADLINE_S, trust_env=False) as http,
            ):
                session_id = await gateway.start_session(USER)
                one = Attack(stack, brokers, folder, gateway, session_id, http, operator, recorded=0)
                await one.honest("the start")
                one._pids = one.pids()
                one.worker, one.outbox = await asyncio.to_thread(_names, brokers["frames"])
                yield one
    finally:
        for broker in brokers.values():
            broker.stop()


def _names(broker: GuardedBroker) -> tuple[str, str]:
    """The names of the live worker and the gateway, which are in the keys that they read."""
    found: dict[str, str] = {}
    with broker.client() as client, client.monitor() as monitor:
        while len(found) < 2:
            for word in monitor.next_command()["command"].split():
                head, _, end = word.partition("a3cp:{live:")[2].rpartition("}:")
                if end in ("in", "out"):
                    found[end] = head
    return found["in"], found["out"]


async def run(
    flavour: Flavour, each: int | None, seed: int, only: str = "", value: str = "", tree: Path = REPOSITORY
) -> Attack:
    """Write every item, or ``each`` of every key; only those of keys and values whose names contain ``only`` and
    ``value``. What was lost is in the answer."""
    with TemporaryDirectory(prefix="a3cp-hostile-") as folder:
        said: list[str] = []
        async with attack(flavour, Path(folder), lambda name, line: said.append(f"{name} | {line}"), tree) as one:
            try:
                for target in TARGETS:
                    items = [item for item in items_of(target, one.worker, one.outbox) if value in item.what]
                    if only in target.name and items:
                        await _try_key(one, target, sampled(target, items, each, seed))
                await one.honest("everything", whole=True)
            except Standstill as error:
                one.findings.append(f"{error}; nothing more was tried")
        if one.lost or one.findings:
            print("\n".join(line[:600] for line in said[-40:]))
        return one


async def _try_key(one: Attack, target: Target, items: list[Item]) -> None:
    started_s, before = time.monotonic(), len(one.lost) + len(one.findings)
    await one.attack_key(target, items)
    if len(items) >= MANY:
        await one.honest(target.name)
    lost, took_s = len(one.lost) + len(one.findings) - before, time.monotonic() - started_s
    print(f"{target.name}: {len(items)} values, {lost} lost, {took_s:.0f} s", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("flavour", choices=get_args(Flavour), nargs="?", default="valkey")
    parser.add_argument("--each", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", metavar="KEY")
    parser.add_argument("--value", default="")
    chosen = parser.parse_args()
    one = asyncio.run(run(chosen.flavour, chosen.each, chosen.seed, chosen.only, chosen.value))
    print("\n".join([*one.lost, *one.findings]))
    print(f"{chosen.flavour}, seed {chosen.seed}: {one.summary}")
    return bool(one.lost or one.findings)


if __name__ == "__main__":
    sys.exit(main())
