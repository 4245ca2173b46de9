"""Replies that never come: the command ran, and its sender does not hear of it. One case for every kind of command
that each process sends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from contracts.broker import Role
from tests.integration.faults.checker import Allow
from tests.integration.faults.clients import Capture
from tests.integration.faults.harness import Fault, Plan, Rig
from tests.integration.faults.process_faults import Case, killed, vanishing
from tests.integration.faults.proxy import Command, Then

__all__ = ["COMMANDS", "TIME_IS_UP", "lost_all", "lost_reply_cases", "slowly"]

Sender = tuple[Role, str, str]
"""The broker's role, the kind of process, the command."""

COMMANDS: tuple[Sender, ...] = (
    *(("frames", "extractor", name) for name in (
        "claim", "row", "heartbeat", "finish", "acknowledge", "alive", "xreadgroup", "xread", "xclaim", "xautoclaim",
    )),
    *(("frames", "gateway", name) for name in (
        "open", "push", "watch", "end", "xadd", "info", "config", "time", "xinfo", "zcount",
    )),
    ("events", "extractor", "publish"),
    *(("events", "gateway", name) for name in (
        "reserve", "recheck", "xadd", "get", "hgetall", "zrem", "exists", "info", "config", "xinfo",
    )),
    *(("events", "recorder", name) for name in (
        "lead", "settle", "xreadgroup", "xpending", "time", "zrangebyscore",
    )),
)  # fmt: skip
"""What an ordinary load makes them send."""


def lost(rig: Rig, sender: Sender, then: Then, latest: int) -> asyncio.Task[Command]:
    """Lose one reply of the first ``latest`` to such a command."""
    role, kind, name = sender
    nth = rig.random.randint(1, latest)
    trap = rig.proxy(role).trap(name, "answered", then, nth=nth, where=lambda command: rig.kind_of(command.pid) == kind)
    return asyncio.create_task(trap.sprung())


def lost_reply(sender: Sender, then: Then, companion: Fault | None = None) -> Fault:
    """Lose one reply; ``companion`` is a fault that makes such a command happen."""

    async def fault(rig: Rig, armed: asyncio.Event) -> None:
        losing = lost(rig, sender, then, latest=1 if companion else 2)
        if companion is not None:
            await companion(rig, armed)
        armed.set()
        await until_lost(rig, losing)

    return fault


def lost_all(senders: Sequence[Sender], then: Then) -> Fault:
    """Lose one reply of each kind, all in one load."""

    async def fault(rig: Rig, armed: asyncio.Event) -> None:
        losing = [lost(rig, sender, then, latest=2) for sender in senders]
        armed.set()
        for one in losing:
            await until_lost(rig, one)

    return fault


async def until_lost(rig: Rig, losing: asyncio.Task[Command]) -> None:
    """Some commands come only with a question at ``/readyz`` or for a capture."""
    while not losing.done():
        await rig.ask("/readyz")
        await rig.ask("/captures/nobody")
        await asyncio.wait({losing}, timeout=0.2)
    await losing


TIME_IS_UP = Allow(told=frozenset({"forward_failed", "brokers_unready"}), append_answers=frozenset({503}))
"""What clients may be told when the gateway waits for an answer until its patience is over: they try again."""


def slowly(captures: list[Capture]) -> list[Capture]:
    for capture in captures:
        capture.pace_s = 0.1  # longer than a recheck
    return captures


def lost_reply_cases() -> dict[str, Case]:
    """Each kind of command, and each way to lose its reply."""
    cases: dict[str, Case] = {}
    rare: list[tuple[Sender, Fault | None, Plan, int]] = [
        (("events", "gateway", "session_start"), None, Plan(armed_first=True), 4),
        (("events", "gateway", "session_end"), None, Plan(armed_first=True), 4),
        (("events", "gateway", "abort"), None, Plan(captures=8, make=vanishing), 1),
        (("frames", "extractor", "hgetall"), killed("frames", "row", "answered", latest=20), Plan(), 4),
    ]
    usual = [(sender, None, Plan(make=slowly if sender[2] == "recheck" else _as_it_is), 4) for sender in COMMANDS]
    for then in ("cut", "swallow"):
        for sender, companion, plan, recorded in usual + rare:
            fault = lost_reply(sender, then, companion)
            allow = TIME_IS_UP if then == "swallow" and sender[1] == "gateway" else Allow()
            cases[f"reply {then}: {' '.join(sender)}"] = Case(fault, replace(plan), allow, recorded)
    return cases


def _as_it_is(captures: list[Capture]) -> list[Capture]:
    return captures
