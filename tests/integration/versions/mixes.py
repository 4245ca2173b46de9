"""The mixes of two releases, the faults that are played on each, and the exchange of one release for the other."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from tests.integration.faults.checker import Allow
from tests.integration.faults.clients import StreamedCapture
from tests.integration.faults.harness import Plan, Rig
from tests.integration.faults.lost_replies import CUT, TIME_IS_UP, lost_all, senders
from tests.integration.faults.process_faults import CASES, GATEWAY_DEATH, Case
from tests.integration.versions.mixed_rig import MixedRig, Release
from tests.support.waiting import until

__all__ = ["DOWNGRADE", "MIXES", "UPGRADE", "Mix", "exchanged", "faults_of"]

Mix = Mapping[str, Release]

RECORDERS, EXTRACTORS = ("recorder-1", "recorder-2"), ("extractor-1", "extractor-2")

MIXES: Mapping[str, Mix] = {
    "previous gateway": {"gateway": "previous"},
    "previous workers and recorders": dict.fromkeys((*RECORDERS, *EXTRACTORS), "previous"),
    "both of each": {
        "gateway": "present", "gateway-2": "previous", "recorder-1": "previous", "recorder-2": "present",
        "extractor-1": "previous", "extractor-2": "present",
    },
}  # fmt: skip

UPGRADE = (*RECORDERS, *EXTRACTORS, "gateway")
"""The documented order: first the readers of what the others will write."""

DOWNGRADE = tuple(reversed(UPGRADE))

OF_0_2_0 = Allow(no_quality=True)

REPLIES = (
    *senders("frames", "gateway", "open push watch end_stream xadd"),
    *senders("frames", "extractor", "claim row heartbeat finish_capture acknowledge xreadgroup"),
    *senders("events", "gateway", "reserve mark_closed xadd get"),
    *senders("events", "extractor", "publish"),
    *senders("events", "recorder", "acquire_leadership acknowledge_events xreadgroup"),
)
"""The commands that the processes of either release send."""

PLAYED = (
    "no fault",
    "extractor killed: claimed",
    "extractor killed: after a row",
    "extractor killed: written, not published",
    "extractor killed: published",
    "extractor killed: finished, not acknowledged",
    "extractor sleeps: a row, until all is done",
    "recorder killed: before the write",
    "recorder killed: half a line",
    "recorder killed: written, not acknowledged",
    "recorder sleeps: any time",
    "gateway killed: opened, not dispatched",
    "gateway killed: a frame",
    "gateway killed: closed, not told",
)


def faults_of(mix: Mix) -> dict[str, Case]:
    """The cases that are played on a mix, by name. If all gateways are the present one's, captures say what release
    0.2.0 does not know."""
    plain = not any(release == "previous" for name, release in mix.items() if name.startswith("gateway"))
    cases = {name: CASES[name] for name in PLAYED}
    cases["replies cut"] = Case(lost_all(REPLIES, CUT), Plan(captures=6, make=slowly), TIME_IS_UP, recorded=3)
    return {name: _on_a_mix(case, saying_more if plain else None) for name, case in cases.items()}


def _on_a_mix(case: Case, make: object) -> Case:
    plan = replace(case.plan, captures=max(6, case.plan.captures), uploads=1)
    if make is saying_more and case.plan.make is Plan().make:
        plan = replace(plan, make=saying_more)
    return replace(case, plan=plan, allow=case.allow | OF_0_2_0)


def slowly(captures: list[StreamedCapture]) -> list[StreamedCapture]:
    for capture in captures:
        capture.pace_s = 0.1
    return captures


def saying_more(captures: list[StreamedCapture]) -> list[StreamedCapture]:
    """A study's prompt, and a statement of consent."""
    for capture in captures:
        capture.said = {
            "annotation": {"intent": "yes", "study": "s1", "prompt": "p1"},
            "consent_given": True,
            "consent": {"text": f"sha256:{'0' * 64}", "given_by": "self"},
        }
    return captures


SHUT_DOWN = Allow(frozenset({"server_shutdown"}), append_answers=frozenset({500, 503}))


def exchanged(order: Sequence[str], release: Release = "present", *, kills: bool) -> Case:
    """Every part in turn becomes the other release's while clients send. ``kills``: after each, a process that works is
    killed."""

    async def fault(rig: Rig, armed: asyncio.Event) -> None:
        assert isinstance(rig, MixedRig)
        rows = rig.frames_proxy.trap("row", nth=5)
        armed.set()
        await rows.sprung()
        for number, name in enumerate(order):
            await rig.exchange(name, release)
            if kills and number < len(order) - 1:
                await kill_one(rig, name)
                await rig.whole()

    long = Plan(captures=24, appends=40, uploads=2, users=4, max_delay_s=45.0)
    plan = long if kills else Plan(captures=6, appends=8, uploads=1, max_delay_s=5.0)
    allow = SHUT_DOWN | GATEWAY_DEATH | OF_0_2_0 | TIME_IS_UP
    return Case(fault, plan, allow, recorded=8 if kills else 2)


async def kill_one(rig: MixedRig, name: str) -> None:
    """The active recorder after a recorder was exchanged, else an extractor's process."""

    async def victim() -> int | None:
        if name.startswith("recorder"):
            return await rig.leader_pid()
        pids = await rig.owners() or await rig.extractor_pids()
        return rig.random.choice(pids) if pids else None

    pid = await until(victim, "there is a process to kill")
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        rig.kill(pid)
