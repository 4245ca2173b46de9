"""Brokers that die and come back, persist, gain a replica or are out of memory: nothing is lost, doubled or wrong.

A choice of the cases for each broker; ``python -m tests.integration.faults`` plays them all on both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.brokers import Flavour
from tests.conftest import BrokerPair, start_pair
from tests.integration.faults.broker_faults import CASES
from tests.integration.faults.harness import play, rig_on

CHOICE: dict[Flavour, Sequence[str]] = {
    "valkey": (
        "frames broker killed and restarted",
        "frames broker gets an append-only file",
        "frames broker out of memory",
    ),
    "redis": (
        "events broker killed and restarted",
        "frames broker gets a replica",
        "frames broker gets snapshots",
        "events broker out of memory",
    ),
}


@pytest.fixture(params=CHOICE)
def flavour(request: pytest.FixtureRequest) -> Flavour:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def pair(flavour: Flavour) -> Iterator[BrokerPair]:
    yield from start_pair(flavour)


@pytest.mark.timeout(300)
def test_whatever_happens_to_a_broker_nothing_is_lost_doubled_or_wrong(
    flavour: Flavour, pair: BrokerPair, tmp_path: Path
) -> None:
    async def main() -> None:
        async with rig_on(pair, tmp_path) as rig:
            for name in CHOICE[flavour]:
                case = CASES[name]()
                report = await play(rig, case.plan, case.fault, case.allow)
                assert report.ok, (name, report.findings)
                assert report.recorded >= case.recorded, (name, report.recorded)

    asyncio.run(main())
