"""Processes that die, sleep and lose answers, each alone: nothing is lost, doubled or wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.conftest import BrokerPair
from tests.integration.faults.harness import Plan, play, rig_on


def test_without_a_fault_every_capture_and_append_is_there_once(own_brokers: BrokerPair, tmp_path: Path) -> None:
    async def main() -> None:
        async with rig_on(own_brokers, tmp_path) as rig:
            report = await play(rig, Plan())
            assert report.ok, report.findings
            assert (report.recorded, report.appends) == (4, 8)

    asyncio.run(main())
