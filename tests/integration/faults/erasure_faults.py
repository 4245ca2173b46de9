"""Faults of withdrawals and erasures: whatever dies or is lost, a capture is erased in the end, and said so once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from contracts.broker import keys
from contracts.broker.roles import Role
from tests.integration.faults.harness import Fault, Plan, Rig
from tests.integration.faults.process_faults import GATEWAY_DEATH, Case, Where, delivered, killed
from tests.integration.faults.proxy import Command
from tests.support.waiting import until

__all__ = ["CASES", "LOAD"]

LOAD = Plan(captures=4, withdrawals=3)
ERASURES = keys.ERASURES.encode()


def of_erasures(command: Command) -> bool:
    return ERASURES in command.arguments


def new_erasure(command: Command) -> bool:
    return of_erasures(command) and delivered(b">")(command)


def by_extractor(command: Command) -> bool:
    return command.kind == "extractor"


async def requests_lost(rig: Rig, armed: asyncio.Event) -> None:
    """The stream of requests is deleted twice, as by a frames broker that restarts empty."""
    for _ in range(2):
        trap = rig.frames_proxy.trap("xadd", "answered", where=of_erasures)
        armed.set()
        await trap.sprung()
        await rig.frames.delete(keys.ERASURES)


def _killed(role: Role, name: str, moment: str, where: Where) -> Fault:
    return killed(role, name, moment, where=where)  # type: ignore[arg-type]


def _gateway_killed(role: Role, name: str, moment: str, where: Where) -> Fault:
    """The captures may be over by then, so that the sessions would end without a gateway: wait for it."""

    async def fault(rig: Rig, armed: asyncio.Event) -> None:
        await _killed(role, name, moment, where)(rig, armed)
        await until(rig.ready, "the gateway is up again")

    return fault


CASES: dict[str, Case] = {
    "erasures": Case(None, LOAD),
    **{
        f"extractor killed: an erasure, {what}": Case(_killed(role, name, moment, where), LOAD)
        for what, role, name, moment, where in (
            ("delivered", "frames", "xreadgroup", "answered", new_erasure),
            ("allowed", "events", "hget", "answered", by_extractor),
            ("removed", "events", "publish_erasure", "asked", by_extractor),
            ("published", "events", "publish_erasure", "answered", by_extractor),
            ("not acknowledged", "frames", "acknowledge", "asked", of_erasures),
        )
    },
    **{
        f"gateway killed: a withdrawal, {what}": Case(
            _gateway_killed(role, name, moment, where), replace(LOAD, max_delay_s=4.0), GATEWAY_DEATH, recorded=0
        )
        for what, role, name, moment, where in (
            ("not queued", "events", "append_events", "asked", lambda _: True),
            ("queued", "events", "append_events", "answered", lambda _: True),
            ("noted", "events", "allow_erasure", "answered", lambda _: True),
            ("asked of the workers", "frames", "xadd", "answered", of_erasures),
        )
    },
    "recorder killed: a withdrawal, written": Case(
        killed("events", "acknowledge_events", "asked", latest=12), replace(LOAD, appends=0)
    ),
    "requests to erase are lost": Case(requests_lost, LOAD),
}
