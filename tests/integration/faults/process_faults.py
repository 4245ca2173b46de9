"""Faults of the stack's processes and clients, each as a `Case` by name."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import get_args

from contracts.broker.roles import Role
from tests.integration.faults.checker import Allow
from tests.integration.faults.clients import SIZE, StreamedCapture, Vanish
from tests.integration.faults.harness import Fault, Plan, Rig
from tests.integration.faults.parts import Note, hanging_jpeg, killing_jpeg
from tests.integration.faults.proxy import Command, Moment
from tests.integration.faults.rigs import PLAIN, RigKind
from tests.support.waiting import until

__all__ = ["CASES", "Case", "capture_of", "killed", "slept_any_time", "vanishing"]

Where = Callable[[Command], bool]


@dataclass(frozen=True, slots=True)
class Case:
    """A fault, the load it meets, what it may do, how many captures must be recorded all the same, and where it is
    played."""

    fault: Fault | None
    plan: Plan = field(default_factory=Plan)
    allow: Allow = field(default_factory=Allow)
    recorded: int = 4
    rig_kind: RigKind = PLAIN


def capture_of(command: Command) -> bytes:
    """The capture that a script's first key names."""
    key = command.arguments[0]
    return key.split(b"{")[1].split(b"}")[0] if not key.startswith(b"{a3cp}") else key.rsplit(b":", 1)[1]


def during_writes(rig: Rig, number: int) -> Where:
    """Takes the ``number``-th proof of ownership that a capture's job sends: 1 is before it looks for an artifact, 2
    before it writes one, 3 before it gives that its name, 4 after that. The heartbeats between come on another
    connection."""
    jobs: set[int] = set()
    proofs: Counter[bytes] = Counter()
    rig.frames_proxy.trap("claim", "asked", do=lambda command: jobs.add(command.connection), times=1_000_000)

    def where(command: Command) -> bool:
        if command.connection not in jobs:
            return False
        proofs[capture_of(command)] += 1
        return proofs[capture_of(command)] == number

    return where


def anything(_: Command) -> bool:
    return True


# --- processes that die --------------------------------------------------------------------------------


def killed(role: Role, name: str, moment: Moment, *, latest: int = 1, where: Where = anything) -> Fault:
    """kill -9 of the sender at one of the first ``latest`` such commands. If it was only ``asked``, it never ran."""

    async def fault(rig: Rig, armed: asyncio.Event) -> None:
        trap = rig.proxy(role).trap(
            name, moment, "cut", do=lambda c: rig.kill(c.pid), nth=rig.random.randint(1, latest), where=where
        )
        armed.set()
        await trap.sprung()

    return fault


async def extractor_killed_before_write(rig: Rig, armed: asyncio.Event) -> None:
    await killed("frames", "heartbeat", "answered", where=during_writes(rig, 2))(rig, armed)


def noted(note: Note, *, times: int = 1, left: str = "") -> Fault:
    """kill -9 at a place at which a process sends nothing; ``left``: files that it must leave half written."""

    async def fault(rig: Rig, armed: asyncio.Event) -> None:
        async def is_left() -> bool:
            return not left or any(rig.settings.data_root.rglob(left))

        for _ in range(times):
            async with rig.note(note) as taken:
                armed.set()
                await taken()
            await until(is_left, "something is left half written", 2.0)

    return fault


async def stopped_under_lock(rig: Rig, armed: asyncio.Event) -> None:
    """SIGSTOP of the active recorder with a log's lock in hand, until its standby has found the log locked."""

    async def sleeper() -> int | None:
        pids = [part.pid for name, part in rig.parts.items() if name.startswith("recorder")]
        return next((pid for pid in pids if pid is not None and rig.is_stopped(pid)), None)

    async def locked() -> bool:
        return any("the session's log is locked by another process" in line for line in rig.said[before:])

    before = len(rig.said)
    async with rig.note("sleep under a log's lock") as taken:
        armed.set()
        await taken()
    pid = await until(sleeper, "a recorder sleeps")
    rig.paused.add(pid)
    await until(locked, "its standby finds the log locked")
    rig.resume(pid)


def delivered(to: bytes) -> Where:
    """Whether a read returned an entry."""
    return lambda command: to in command.arguments and len(command.reply) > len(b"*-1\r\n")


# --- processes that sleep ------------------------------------------------------------------------------


def slept(role: Role, name: str, moment: Moment, *, until: str, latest: int = 1, where: Where = anything) -> Fault:
    """SIGSTOP of an extractor at such a command, which waits with it until another one has run the script ``until``
    for the same capture; then the command goes on, and SIGCONT."""

    async def fault(rig: Rig, armed: asyncio.Event) -> None:
        async def sleep(command: Command) -> None:
            rig.pause(command.pid)
            others = rig.frames_proxy.trap(
                until, where=lambda c: c.pid != command.pid and capture_of(c) == capture_of(command)
            )
            await others.sprung()
            rig.resume(command.pid)

        nth = rig.random.randint(1, latest)
        trap = rig.proxy(role).trap(name, moment, do=sleep, nth=nth, where=where)
        armed.set()
        await trap.sprung()

    return fault


async def extractor_slept_before_write(rig: Rig, armed: asyncio.Event) -> None:
    await slept("frames", "heartbeat", "answered", until="finish_capture", where=during_writes(rig, 2))(rig, armed)


def leader_slept(name: str, moment: Moment, where: Where = anything) -> Fault:
    """SIGSTOP of the active recorder at such a command, until its standby has acknowledged something."""

    async def fault(rig: Rig, armed: asyncio.Event) -> None:
        async def sleep(command: Command) -> None:
            rig.pause(command.pid)
            await rig.events_proxy.trap("acknowledge_events", where=lambda c: c.pid != command.pid).sprung()
            rig.resume(command.pid)

        trap = rig.events_proxy.trap(name, moment, do=sleep, nth=rig.random.randint(1, 6), where=where)
        armed.set()
        await trap.sprung()

    return fault


def slept_any_time(kind: str) -> Fault:
    """SIGSTOP at any moment, for longer than a lease and a leader's time."""

    async def fault(rig: Rig, armed: asyncio.Event) -> None:
        trap = rig.frames_proxy.trap("row", "asked", nth=rig.random.randint(1, 60))
        armed.set()
        row = await trap.sprung()
        pid = await until(rig.leader_pid, "there is a leader") if kind == "recorder" else row.pid
        await asyncio.sleep(rig.random.uniform(0, 0.5))
        rig.pause(pid)
        await asyncio.sleep(3.0)  # the fault itself: how long it sleeps
        rig.resume(pid)

    return fault


# --- clients and their frames --------------------------------------------------------------------------


def vanishing(captures: list[StreamedCapture]) -> list[StreamedCapture]:
    for capture, state in zip(captures, get_args(Vanish), strict=True):
        capture.vanish = state
    return captures


def poisoned(jpeg: bytes) -> Case:
    """The first capture's eleventh frame ends every extractor that decodes it."""

    def poison(captures: list[StreamedCapture]) -> list[StreamedCapture]:
        first = captures[0]
        first.frames = [*first.frames[:10], jpeg, *first.frames[11:]]
        first.capture_id = f"poison-{first.capture_id}"
        return captures

    async def fault(rig: Rig, armed: asyncio.Event) -> None:
        claims = rig.frames_proxy.trap(
            "claim", nth=4, times=100, where=lambda command: capture_of(command).startswith(b"poison-")
        )
        armed.set()
        await claims.sprung()  # three deliveries, and the one that gives it up

    return Case(fault, Plan(make=poison), Allow(told=POISON, outcomes=POISON), recorded=3)


POISON = frozenset({"extraction_failed"})
# how long another recorder takes to take over depends on the machine; an append waits for 5 s, and stays queued
RECORDER_AWAY = Allow(append_answers=frozenset({503}))
# the one that is started again may be asked for a capture before it has looked at its brokers
GATEWAY_DEATH = Allow(frozenset({"brokers_unready"}), lost_connections=True, append_answers=frozenset({0}))

CASES: dict[str, Case] = {
    "no fault": Case(None),
    "extractor killed: delivered": Case(killed("frames", "xreadgroup", "answered", where=delivered(b">"))),
    "extractor killed: claimed": Case(killed("frames", "claim", "answered")),
    "extractor killed: before a row": Case(killed("frames", "row", "asked", latest=60)),
    "extractor killed: after a row": Case(killed("frames", "row", "answered", latest=60)),
    "extractor killed: before the write": Case(extractor_killed_before_write),
    "extractor killed: written, not published": Case(killed("events", "publish", "asked")),
    "extractor killed: published": Case(killed("events", "publish", "answered")),
    "extractor killed: before it finishes": Case(killed("frames", "finish_capture", "asked")),
    "extractor killed: finished": Case(killed("frames", "finish_capture", "answered")),
    "extractor killed: finished, not acknowledged": Case(killed("frames", "acknowledge", "asked")),
    "extractor killed: acknowledged": Case(killed("frames", "acknowledge", "answered")),
    "extractor sleeps: a row": Case(slept("frames", "row", "asked", until="claim", latest=30)),
    "extractor sleeps: a row, until all is done": Case(
        slept("frames", "row", "asked", until="finish_capture", latest=30)
    ),
    "extractor sleeps: before the write": Case(extractor_slept_before_write),
    "extractor sleeps: before it publishes": Case(slept("events", "publish", "asked", until="finish_capture")),
    "extractor sleeps: published": Case(slept("events", "publish", "answered", until="finish_capture")),
    "extractor sleeps: before it finishes": Case(slept("frames", "finish_capture", "asked", until="finish_capture")),
    "extractor sleeps: any time": Case(slept_any_time("extractor")),
    "extractor killed: half an artifact": Case(noted("die in the middle of an artifact", left=".*.tmp")),
    "extractor killed: half an artifact, every time": Case(
        noted("die in the middle of an artifact", times=3, left=".*.tmp"),
        Plan(captures=1),
        Allow(outcomes=POISON),
        recorded=0,
    ),
    "recorder killed: half a line": Case(
        noted("die in the middle of a line"), allow=RECORDER_AWAY | Allow(dead_letters=frozenset({"torn_line"}))
    ),
    "recorder sleeps: under a log's lock": Case(stopped_under_lock, allow=RECORDER_AWAY),
    "recorder killed: before the write": Case(
        killed("events", "xreadgroup", "answered", where=delivered(b">")), allow=RECORDER_AWAY
    ),
    "recorder killed: written, not acknowledged": Case(
        killed("events", "acknowledge_events", "asked", latest=8), allow=RECORDER_AWAY
    ),
    "recorder killed: acknowledged": Case(
        killed("events", "acknowledge_events", "answered", latest=8), allow=RECORDER_AWAY
    ),
    "recorder sleeps: before the write": Case(
        leader_slept("xreadgroup", "answered", delivered(b">")), allow=RECORDER_AWAY
    ),
    "recorder sleeps: written, not acknowledged": Case(
        leader_slept("acknowledge_events", "asked"), allow=RECORDER_AWAY
    ),
    "recorder sleeps: acknowledged": Case(leader_slept("acknowledge_events", "answered"), allow=RECORDER_AWAY),
    "recorder sleeps: any time": Case(slept_any_time("recorder"), allow=RECORDER_AWAY),
    **{
        f"gateway killed: {what}": Case(
            killed("frames", name, moment, latest=latest), Plan(max_delay_s=4.0), GATEWAY_DEATH, recorded=0
        )
        for what, name, moment, latest in (
            ("before it opens", "open", "asked", 3),
            ("opened, not dispatched", "open", "answered", 3),
            ("dispatched, not told", "xadd", "answered", 3),
            ("a frame", "push", "answered", 60),
            ("before the close", "end_stream", "asked", 2),
            ("closed, not told", "end_stream", "answered", 2),
        )
    },
    "gateway killed: reserved": Case(
        killed("events", "reserve", "answered", latest=3), allow=GATEWAY_DEATH, recorded=0
    ),
    "clients vanish": Case(None, Plan(captures=8, make=vanishing), recorded=1),
    "a frame that kills": poisoned(killing_jpeg(*SIZE)),
    "a frame that hangs": poisoned(hanging_jpeg(*SIZE)),
}
