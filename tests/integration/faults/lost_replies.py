"""Commands and replies that are lost on their way. A case for every kind of command that each kind of process sends,
and for every way to lose it: the command never ran; it ran, and its sender learns that the connection is cut; it ran,
and its sender waits until its own patience is over."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import NamedTuple, get_args

import httpx

from contracts.broker import keys
from contracts.broker.roles import Role
from contracts.rules.paths import session_log_path
from tests.integration.faults.bare import clip_frames
from tests.integration.faults.checker import Allow
from tests.integration.faults.clients import Append, Sessions, StreamedCapture
from tests.integration.faults.harness import Fault, Plan, Rig
from tests.integration.faults.process_faults import GATEWAY_DEATH, Case, killed, noted, vanishing
from tests.integration.faults.proxy import Command, Moment, Then
from tests.support.waiting import DEADLINE_S, until

__all__ = [
    "CASES", "COMMANDS", "CUT", "LOST", "TIME_IS_UP", "Occasion", "Sender", "ask", "lost_all",
    "lost_cases", "senders", "sent", "slowly",
]  # fmt: skip


class Sender(NamedTuple):
    """A kind of command: to which broker, from which kind of process, and its name."""

    role: Role
    kind: str
    name: str

    def __str__(self) -> str:
        return " ".join(self)


class Way(NamedTuple):
    """A way to lose something."""

    name: str
    moment: Moment
    then: Then


CUT = Way("reply cut", "answered", "cut")
WAYS = (Way("command cut", "asked", "cut"), CUT, Way("reply swallowed", "answered", "swallow"))


def senders(role: Role, kind: str, names: str) -> tuple[Sender, ...]:
    return tuple(Sender(role, kind, name) for name in names.split())


COMMANDS = (
    *senders(
        "frames",
        "extractor",
        "claim row heartbeat finish_capture acknowledge alive xreadgroup xread xclaim xautoclaim xpending",
    ),
    *senders(
        "frames",
        "gateway",
        "open push watch end_stream xadd info config time xinfo zcount xlen xrange xpending xread hmget zrange",
    ),
    *senders("events", "extractor", "publish"),
    *senders(
        "events", "gateway", "reserve recheck mark_closed xadd get hgetall exists info config xinfo xlen xrange zcard"
    ),
    *senders(
        "events", "recorder", "acquire_leadership acknowledge_events xreadgroup xpending time xtrim zrangebyscore"
    ),
)
"""What an ordinary load makes them send."""


# --- faults that cause rare commands -------------------------------------------------------------------


def part_killed(role: Role, name: str) -> Fault:
    """kill -9 of the sender of such a command, or of the pool it is in, which leaves an orphan; then it starts."""

    async def fault(rig: Rig, armed: asyncio.Event) -> None:
        trap = rig.proxy(role).trap(name, do=lambda c: rig.kill(os.getpgid(c.pid)), nth=rig.random.randint(1, 8))
        armed.set()
        await trap.sprung()

    return fault


async def extractors_stop(rig: Rig, armed: asyncio.Event) -> None:
    """SIGTERM in the middle of open captures: they are handed back."""
    rows = rig.frames_proxy.trap("row", nth=8)
    armed.set()
    await rows.sprung()
    for name, part in rig.parts.items():
        if name.startswith("extractor") and part.pid is not None:
            os.kill(part.pid, signal.SIGTERM)


async def leader_stops(rig: Rig, armed: asyncio.Event) -> None:
    """SIGTERM of the active recorder."""
    settled = rig.events_proxy.trap("acknowledge_events", nth=3)
    armed.set()
    await settled.sprung()
    pid = await rig.leader_pid()
    assert pid is not None
    os.kill(pid, signal.SIGTERM)


async def nowhere_to_append(rig: Rig, armed: asyncio.Event) -> None:
    """An event whose log cannot be opened is refused for now; one without a session directory is a dead letter."""
    history = rig.next_history()
    async with httpx.AsyncClient(base_url=rig.address, trust_env=False, timeout=DEADLINE_S) as http:
        armed.set()
        session_id = await Sessions(http, history).start("nowhere")
        log = session_log_path(rig.settings.log_root, "nowhere", session_id)
        log.unlink()
        log.mkdir()
        await Append("nowhere", session_id, "here is a directory", tries=1).run(http, history)
        log.rmdir()
        await Append("user-x", session_id, "here is no path", tries=1).run(http, history)
    history.close()


async def reserved_and_not_opened(rig: Rig, armed: asyncio.Event) -> None:
    """The gateway dies over a reservation: the sweep finds it."""
    await killed("events", "reserve", "answered")(rig, armed)

    async def swept() -> bool:
        return not await rig.events.zcard(keys.UNFINISHED)

    await until(swept, "the sweep has looked at every capture")


def slowly(captures: list[StreamedCapture]) -> list[StreamedCapture]:
    for capture in captures:
        capture.pace_s = 0.1  # longer than a recheck
    return captures


# --- losing --------------------------------------------------------------------------------------------


def losing(rig: Rig, sender: Sender, way: Way, latest: int) -> asyncio.Task[Command]:
    """Lose one of the first ``latest`` such commands."""
    role, kind, name = sender
    nth = rig.random.randint(1, latest)
    trap = rig.proxy(role).trap(name, way.moment, way.then, nth=nth, where=lambda command: command.kind == kind)
    return asyncio.create_task(trap.sprung())


def lost_all(senders: Sequence[Sender], way: Way, occasion: Fault | None = None) -> Fault:
    """Lose one of each kind in one load; ``occasion`` is a fault that makes such commands happen."""

    async def fault(rig: Rig, armed: asyncio.Event) -> None:
        lost = [losing(rig, sender, way, latest=1 if occasion else 2) for sender in senders]
        if occasion is not None:
            await occasion(rig, armed)
        armed.set()
        for one in lost:
            await until_lost(rig, one)

    return fault


async def until_lost(rig: Rig, lost: asyncio.Task[Command]) -> None:
    """Wait, and send requests to the gateway meanwhile."""
    while not lost.done():
        await ask(rig)
        await asyncio.wait({lost}, timeout=0.2)
    await lost


async def ask(rig: Rig) -> None:
    """Request ``/readyz`` and captures: some commands are sent only then."""
    for path in ("/readyz", "/captures/unknown"):
        await rig.ask(path)
    for capture_id in await rig.events.zrange(keys.UNFINISHED, 0, 0):
        await rig.ask(f"/captures/{capture_id.decode()}")


def sent(rig: Rig) -> set[Sender]:
    """The senders whose commands the proxies have seen."""
    return {Sender(role, *sender) for role in get_args(Role) for sender in rig.proxy(role).counts}


TIME_IS_UP = Allow(
    told=frozenset({"forward_failed", "brokers_unready", "broker_unavailable"}), append_answers=frozenset({503})
)
"""What clients may be told when the gateway waits for an answer until its patience is over: they try again."""

TORN = Allow(append_answers=frozenset({500}), dead_letters=frozenset({"torn_line"}))
BURIED = Allow(dead_letters=frozenset({"missing_session_path"}))
GROUPS = {("frames", "extractor"): " xgroup", ("events", "recorder"): " xgroup"}
"""Who makes sure of its group when it starts."""

LOAD = Plan(captures=2, appends=6, frames=31)


class Occasion(NamedTuple):
    """What makes processes send what they do not send every day. ``senders``: each has a play of its own, or all have
    one ``together``, which is its name."""

    senders: tuple[Sender, ...]
    case: Case
    together: str = ""


OCCASIONS = (
    Occasion(tuple(sender for sender in COMMANDS if sender.name != "recheck"), Case(None, LOAD, recorded=2)),
    Occasion(senders("events", "gateway", "recheck"), Case(None, replace(LOAD, make=slowly), recorded=2)),
    Occasion(
        senders("events", "gateway", "session_start session_end"),
        Case(None, replace(LOAD, armed_first=True), recorded=2),
    ),
    Occasion(
        (*senders("events", "gateway", "abort"), *senders("events", "extractor", "abort"),
         *senders("frames", "extractor", "end_stream")),
        Case(None, Plan(captures=8, make=vanishing), recorded=1),
    ),
    Occasion(
        (*senders("events", "gateway", "append_events allow_erasure"),
         *senders("events", "extractor", "publish_erasure hget")),
        Case(None, replace(LOAD, withdrawals=2), recorded=2),
    ),
    Occasion(
        (*senders("frames", "extractor", "hgetall"), *senders("events", "extractor", "exists")),
        Case(killed("frames", "row", "answered", latest=20), LOAD, recorded=2),
    ),
    Occasion(senders("frames", "extractor", "hand_back zrem"), Case(extractors_stop, LOAD, recorded=2)),
    Occasion(senders("events", "recorder", "release_leadership"), Case(leader_stops, LOAD, recorded=2)),
    Occasion(senders("events", "recorder", "dead_letter set"), Case(nowhere_to_append, LOAD, BURIED, 2)),
    Occasion(
        senders("events", "recorder", "xautoclaim"), Case(noted("die in the middle of a line"), LOAD, TORN, 2)
    ),
    Occasion(
        (*senders("events", "recorder", "hgetall abort"), *senders("frames", "recorder", "exists")),
        Case(reserved_and_not_opened, LOAD, GATEWAY_DEATH, 0),
    ),
    *(
        Occasion(senders(role, kind, names), case, f"{role} {kind} {step}")
        for kind, case in (
            ("extractor", Case(part_killed("frames", "row"), LOAD, recorded=2)),
            ("recorder", Case(part_killed("events", "acknowledge_events"), LOAD, recorded=2)),
            ("gateway", Case(part_killed("frames", "push"), LOAD, GATEWAY_DEATH, 0)),
        )
        for role in get_args(Role)
        for step, names in (("connects", "hello"), ("checks", f"info config{GROUPS.get((role, kind), '')}"))
    ),
)  # fmt: skip

LOST = frozenset(sender for occasion in OCCASIONS for sender in occasion.senders)
"""Every kind of command that a case loses."""


def lost_cases(occasions: Sequence[Occasion], where: str = "") -> dict[str, Case]:
    """Every kind of command, and every way to lose it; ``where`` is said in the cases' names."""
    cases: dict[str, Case] = {}
    for way in WAYS:
        for occasion in occasions:
            every = {str(sender): (sender,) for sender in occasion.senders}
            for name, lost in ({occasion.together: occasion.senders} if occasion.together else every).items():
                waits = way.then == "swallow" and lost[0].kind == "gateway"
                fault = lost_all(lost, way, occasion.case.fault)
                allow = occasion.case.allow | (TIME_IS_UP if waits or occasion.together else Allow())
                cases[f"{way.name}{where}: {name}"] = replace(occasion.case, fault=fault, allow=allow)
    return cases


async def every_kind_cut(rig: Rig, armed: asyncio.Event) -> None:
    """All of `COMMANDS`. After two cuts in one look at a broker the gateway lets no capture in until the next,
    which may be all of the load. So captures of another session come until what only they send was cut."""
    cut = asyncio.create_task(lost_all(COMMANDS, CUT)(rig, armed))
    try:
        await _captures_until(cut, rig)
        await cut
    finally:
        cut.cancel()


async def _captures_until(done: asyncio.Task[None], rig: Rig) -> None:
    with closing(rig.next_history()) as history:
        async with httpx.AsyncClient(base_url=rig.address, trust_env=False, timeout=DEADLINE_S) as http:
            session_id = await Sessions(http, history).start("more")
            while not done.done():
                (capture,) = slowly([StreamedCapture("more", session_id, clip_frames(0)[: LOAD.frames])])
                await capture.run(rig.address, history)


CASES = lost_cases(OCCASIONS) | {
    # two cuts of one step, and it is over: the client is told
    "replies of every kind cut": Case(every_kind_cut, Plan(captures=6, make=slowly), TIME_IS_UP, recorded=0),
}
