"""All cases by name, and mixes of several at once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from functools import reduce

from tests.integration.faults.broker_faults import CASES as BROKER_CASES
from tests.integration.faults.checker import Allow
from tests.integration.faults.clock_faults import CASES as CLOCK_CASES
from tests.integration.faults.cluster_faults import CASES as CLUSTER_CASES
from tests.integration.faults.disk_faults import CASES as DISK_CASES
from tests.integration.faults.erasure_faults import CASES as ERASURE_CASES
from tests.integration.faults.harness import Fault, Plan, Rig
from tests.integration.faults.lost_replies import CASES as LOST_CASES
from tests.integration.faults.lost_replies import COMMANDS, CUT, TIME_IS_UP, lost_all
from tests.integration.faults.process_faults import CASES, Case, slept_any_time
from tests.integration.faults.races import RACES
from tests.integration.faults.upload_faults import CASES as UPLOAD_CASES
from tests.integration.faults.upload_faults import MAKERS as UPLOAD_MAKERS

__all__ = ["ALL", "case_of", "mix"]

MIX_S = 15.0
_KINDS = ("extractor", "recorder", "gateway")


def mix(seed: str) -> Case:
    """Parts that die, one that sleeps, and lost replies between, at once; every other mix has a gateway that dies."""
    chance = random.Random(seed)
    deaths = {kind: [case for name, case in CASES.items() if name.startswith(f"{kind} killed")] for kind in _KINDS}
    chosen = [chance.choice(deaths[kind]) for kind in ("extractor", "extractor", "recorder")]
    if chance.random() < 0.5:
        chosen.append(chance.choice(deaths["gateway"]))
    faults = [case.fault for case in chosen if case.fault is not None]
    faults.append(slept_any_time(chance.choice(["extractor", "recorder"])))
    faults.append(lost_all(chance.sample(COMMANDS, 6), CUT))
    # a capture whose extractors die three times is given up, as designed
    poison = frozenset({"extraction_failed"})
    told = Allow(told=poison, outcomes=poison | {"no_worker"})  # at times no extractor is free for a video
    allow = reduce(Allow.__or__, (case.allow for case in chosen), TIME_IS_UP | told)
    return Case(
        _at_once(faults), Plan(captures=8, appends=16, uploads=3, max_delay_s=8.0, withdrawals=2), allow, recorded=0
    )


def _at_once(faults: list[Fault]) -> Fault:
    """As many of them as find their moment; one at least."""

    async def fault(rig: Rig, armed: asyncio.Event) -> None:
        async with asyncio.timeout(None) as patience:
            injected = [asyncio.create_task(_one(one, rig)) for one in faults]
            armed.set()
            patience.reschedule(asyncio.get_running_loop().time() + 2 * MIX_S)
            assert any(await asyncio.gather(*injected)), "none of the faults happened"

    return fault


async def _one(fault: Fault, rig: Rig) -> bool:
    with suppress(TimeoutError, ProcessLookupError):  # another fault has the victim already
        async with asyncio.timeout(MIX_S):
            await fault(rig, asyncio.Event())
        return True
    return False


def _always(case: Case) -> Callable[[], Case]:
    return lambda: case


ALL: dict[str, Callable[[], Case]] = {
    **{name: _always(case) for name, case in CASES.items()},
    **RACES,
    **BROKER_CASES,
    **UPLOAD_MAKERS,
    **{
        name: _always(case)
        for name, case in (ERASURE_CASES | DISK_CASES | CLOCK_CASES | CLUSTER_CASES | LOST_CASES | UPLOAD_CASES).items()
    },
}
"""Makes a case, by name."""


def case_of(name: str) -> Case:
    """A fresh case; the names of mixes are ``mix`` and their seed."""
    return mix(name) if name.startswith("mix") else ALL[name]()
