"""Processes that die, sleep and lose answers, clients that vanish, frames that kill: nothing is lost, doubled or wrong.

A choice of the cases, on both brokers; ``python -m tests.integration.faults`` plays them all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.brokers import Flavour
from tests.conftest import BrokerPair, start_pair
from tests.integration.faults.cases import case_of
from tests.integration.faults.harness import play, rig_on

CHOICE: dict[Flavour, Sequence[str]] = {
    "valkey": (
        "no fault",
        "extractor killed: after a row",
        "extractor killed: written, not published",
        "extractor sleeps: a row, until all is done",
        "a row of an old owner",
        "gateway killed: a frame",
        "clients vanish",
        "a frame that kills",
    ),
    "redis": (
        "extractor killed: published",
        "extractor killed: finished, not acknowledged",
        "recorder killed: before the write",
        "recorder killed: written, not settled",
        "recorder sleeps: written, not settled",
        "aborted before it is published",
        "the artifact's place is taken",
        "extraction from a full frames broker",
        "replies of every kind cut",
    ),
}


@pytest.fixture(params=CHOICE)
def flavour(request: pytest.FixtureRequest) -> Flavour:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def pair(flavour: Flavour) -> Iterator[BrokerPair]:
    yield from start_pair(flavour)


@pytest.mark.timeout(300)
def test_whatever_happens_to_a_process_nothing_is_lost_doubled_or_wrong(
    flavour: Flavour, pair: BrokerPair, tmp_path: Path
) -> None:
    async def main() -> None:
        async with rig_on(pair, tmp_path) as rig:
            for name in CHOICE[flavour]:
                case = case_of(name)
                report = await play(rig, case.plan, case.fault, case.allow)
                assert report.ok, (name, report.findings)
                assert report.recorded >= case.recorded, (name, report.recorded)

    asyncio.run(main())
