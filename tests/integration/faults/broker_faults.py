"""What may happen to the brokers, each as a `Case` by name: they die, persist, gain a replica, are out of memory."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import orjson

from contracts.broker import keys
from contracts.broker.roles import Role
from contracts.rules.paths import session_log_path
from tests.integration.faults.checker import Allow
from tests.integration.faults.clients import Sessions, StreamedCapture
from tests.integration.faults.harness import Fault, Plan, Rig
from tests.integration.faults.history import read_history
from tests.integration.faults.process_faults import Case
from tests.support.brokers import FRAMES, BrokerProcess
from tests.support.waiting import DEADLINE_S, until

__all__ = ["CASES", "states"]


AWAY = frozenset({"forward_failed", "brokers_unready"})
FULL = frozenset({"frames_broker_full", "limit_forward_buffer_exceeded"})

State = tuple[str, int, int]
"""Status, accepted and extracted of a capture."""


async def states(rig: Rig) -> dict[str, State]:
    """The states of all captures in the frames broker."""
    found = {}
    async for key in rig.frames.scan_iter("a3cp:{*}:state"):
        fields: Any = await rig.frames.hmget(key, ["status", "accepted", "extracted"])
        status, accepted, extracted = fields
        if status is not None:
            found[key.decode().split("{")[1].split("}")[0]] = (status.decode(), int(accepted), int(extracted))
    return found


async def some(rig: Rig, what: str, wanted: Callable[[State], bool]) -> dict[str, State]:
    """Wait until a capture is in such a state; returns those that are."""

    async def found() -> dict[str, State]:
        return {capture_id: state for capture_id, state in (await states(rig)).items() if wanted(state)}

    return await until(found, what)  # type: ignore[no-any-return]


async def extracting(rig: Rig) -> None:
    """Wait until a frame of an open capture is extracted."""
    await some(rig, "a frame of an open capture is extracted", lambda s: s[0] == "open" and s[2] > 0)


async def aborted(rig: Rig, capture_ids: set[str], *codes: str) -> None:
    """Wait until each of these captures has one of these outcomes."""

    async def have_it() -> bool:
        names = [keys.capture_record(capture_id) for capture_id in capture_ids]
        return all([(await rig.events.hget(name, "error_code") or b"").decode() in codes for name in names])

    await until(have_it, f"{len(capture_ids)} captures are {' or '.join(codes)}")


async def red(rig: Rig) -> list[str]:
    """Wait until ``/readyz`` is 503; returns its reasons."""

    async def unready() -> bool:
        return not await rig.ready()

    await until(unready, "not ready")
    async with httpx.AsyncClient(base_url=rig.address, trust_env=False, timeout=DEADLINE_S) as http:
        return list((await http.get("/readyz")).json().get("missing", []))


async def refused(rig: Rig) -> tuple[int, str]:
    """Open a capture; returns the close code and reason with which it ends."""
    history = rig.next_history()
    capture = StreamedCapture("user-0", "sess_0123456789abcdef", [])
    await capture.run(rig.address, history)
    history.close()
    told = read_history(history.entries()).captures[capture.capture_id]
    return told.close_code, told.code


def paced(*paces_s: float) -> Callable[[list[StreamedCapture]], list[StreamedCapture]]:
    """Each capture at a pace of its own; those without any begin later, so that the slow ones are taken first."""

    def make(captures: list[StreamedCapture]) -> list[StreamedCapture]:
        for capture, pace_s in zip(captures, paces_s, strict=True):
            capture.pace_s, capture.delay_s = pace_s, 0.0 if pace_s else 0.5
        return captures

    return make


# --- dying and coming back -----------------------------------------------------------------------------


async def restart(rig: Rig, role: Role) -> None:
    """Start a killed broker again after every process has noticed."""
    broker = rig.brokers.frames if role == "frames" else rig.brokers.events

    async def is_dead() -> bool:
        return broker.process is None

    await until(is_dead, "the broker is killed")  # /readyz may be 503 since an earlier kill
    await red(rig)
    await asyncio.to_thread(broker.start)
    await rig.load_scripts()


async def frames_broker_restarts(rig: Rig, armed: asyncio.Event) -> None:
    """The clients of open captures are notified; captures that were closed and not extracted report their outcome."""
    armed.set()
    await extracting(rig)
    await some(rig, "a capture is closed and not extracted", lambda s: s[0] == "closed" and s[2] < s[1])
    seen = await states(rig)
    rig.brokers.frames.kill()
    await restart(rig, "frames")
    opened = {capture_id for capture_id, (status, _, _) in seen.items() if status == "open"}
    closed = {capture_id for capture_id, (status, all_, done) in seen.items() if status == "closed" and done < all_}
    await aborted(rig, opened, "forward_failed", "frames_lost")
    await aborted(rig, closed, "frames_lost")


async def events_broker_restarts(rig: Rig, armed: asyncio.Event) -> None:
    """Killed twice in the middle of everything: before a session's start is answered, and before its end is."""
    history = rig.next_history()
    async with httpx.AsyncClient(base_url=rig.address, trust_env=False, timeout=DEADLINE_S) as http:
        sessions = Sessions(http, history)
        armed.set()
        await some(rig, "a frame is extracted", lambda s: s[0] != "finished" and s[2] > 0)
        rig.events_proxy.trap("session_start", do=lambda _: rig.brokers.events.kill())
        starting = asyncio.create_task(sessions.start("outage"))
        await restart(rig, "events")
        session_id = await starting
        rig.events_proxy.trap("session_end", do=lambda _: rig.brokers.events.kill())
        ending = asyncio.create_task(sessions.end("outage", session_id))
        await restart(rig, "events")
        await ending
    history.close()
    log = session_log_path(rig.settings.log_root, "outage", session_id)
    written = [orjson.loads(line)["event"]["event"] for line in log.read_bytes().splitlines()]
    assert written == ["session.start", "session.end"], written


# --- misconfigured frames brokers ----------------------------------------------------------------

Persist = Callable[[Rig, bool], Awaitable[None]]


def persists(persist: Persist, said: str) -> Fault:
    """From the moment it is noticed no frame goes there any more, and no capture is opened, until it is as before."""

    async def fault(rig: Rig, armed: asyncio.Event) -> None:
        armed.set()
        await extracting(rig)
        opened = {capture_id for capture_id, (status, _, _) in (await states(rig)).items() if status == "open"}
        await persist(rig, True)
        try:
            missing = await red(rig)
            assert any(said in sentence for sentence in missing), missing
            assert await refused(rig) == (1013, "brokers_unready")
            await aborted(rig, opened, "forward_failed")
        finally:
            await persist(rig, False)

    return fault


async def append_only(rig: Rig, on: bool) -> None:
    await rig.frames.config_set("appendonly", "yes" if on else "no")
    if not on:  # frames written before the gateway noticed cannot be taken back
        shutil.rmtree(rig.brokers.frames.folder / "appendonlydir")


async def snapshots(rig: Rig, on: bool) -> None:
    await rig.frames.config_set("save", "3600 1" if on else "")


def replicated() -> Persist:
    replicas: list[BrokerProcess] = []

    async def attach(rig: Rig, on: bool) -> None:
        if not on:
            await asyncio.to_thread(replicas.pop().stop)
            return
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = int(listener.getsockname()[1])
        await rig.frames.config_set("port", port)
        options = (*FRAMES, "--replicaof", f"127.0.0.1 {port}")
        replicas.append(BrokerProcess(rig.brokers.frames.flavour, options))
        await asyncio.to_thread(replicas[-1].start)

    return attach


# --- out of memory -------------------------------------------------------------------------------------


async def fill(broker: Any) -> str:
    """Leave the broker no memory; returns its former limit."""
    limit = str((await broker.config_get("maxmemory"))["maxmemory"])
    used = int((await broker.info("memory"))["used_memory"])
    await broker.config_set("maxmemory", used // 2)
    return limit


async def frames_broker_fills_up(rig: Rig, armed: asyncio.Event) -> None:
    """What it holds is extracted all the same, and nothing new is let in; then there is room again."""
    armed.set()
    await extracting(rig)
    limit = await fill(rig.frames)
    try:
        assert await refused(rig) == (1013, "frames_broker_full")

        async def drained() -> bool:
            return all(
                done == accepted or status == "finished" for status, accepted, done in (await states(rig)).values()
            )

        await until(drained, "the captures in the full broker are extracted")
    finally:
        await rig.frames.config_set("maxmemory", limit)


async def events_broker_fills_up(rig: Rig, armed: asyncio.Event) -> None:
    """Nothing can be published, started or appended; then there is room again."""
    armed.set()
    await some(rig, "a frame is extracted", lambda s: s[0] != "finished" and s[2] > 0)
    limit = await fill(rig.events)
    try:
        await some(rig, "a capture waits to be published", lambda s: s[0] == "closed" and s[1] == s[2])
        async with httpx.AsyncClient(base_url=rig.address, trust_env=False, timeout=DEADLINE_S) as http:
            start = {
                "schema_version": "1.0.1", "record_id": "9d1b0a4e-62a5-4b93-9a25-6f0a2ab2d0c1", "user_id": "user-0",
                "timestamp": "2026-01-31T12:00:00Z", "performer_id": "system",
            }  # fmt: skip
            assert (await http.post("/session_manager/sessions.start", json=start)).status_code == 503
    finally:
        await rig.events.config_set("maxmemory", limit)


TOLD_AWAY = Allow(told=AWAY, append_answers=frozenset({503}))
LOST = Allow(told=frozenset({"frames_lost"}), outcomes=frozenset({"frames_lost"}))
SLOW_AND_FAST = Plan(captures=5, appends=8, make=paced(0.12, 0.12, 0.0, 0.0, 0.0))
OPEN = Plan(captures=2, appends=4, frames=40, make=paced(0.4, 0.4))

CASES: dict[str, Callable[[], Case]] = {
    "frames broker killed and restarted": lambda: Case(
        frames_broker_restarts, SLOW_AND_FAST, TOLD_AWAY | LOST, recorded=0
    ),
    "events broker killed and restarted": lambda: Case(
        events_broker_restarts, Plan(captures=6, appends=16), TOLD_AWAY, recorded=1
    ),
    "frames broker gets an append-only file": lambda: Case(
        persists(append_only, "appendonly is on"), OPEN, TOLD_AWAY, recorded=0
    ),
    "frames broker gets snapshots": lambda: Case(
        persists(snapshots, "RDB snapshots are on"), OPEN, TOLD_AWAY, recorded=0
    ),
    "frames broker gets a replica": lambda: Case(
        persists(replicated(), "it has a replica"), OPEN, TOLD_AWAY, recorded=0
    ),
    "frames broker out of memory": lambda: Case(frames_broker_fills_up, SLOW_AND_FAST, Allow(told=FULL), recorded=0),
    "events broker out of memory": lambda: Case(events_broker_fills_up, Plan(appends=12), TOLD_AWAY, recorded=1),
}
"""Makes a case, by name."""
