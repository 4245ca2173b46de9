"""The list of what can be lost on its way has everything that is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import BrokerPair, start_pair
from tests.integration.faults.harness import Plan, Rig, play, rig_on, until
from tests.integration.faults.lost_replies import COMMANDS, LOST, ask, sent, slowly
from tests.integration.faults.rig import REPOSITORY


@pytest.fixture
def pair() -> Iterator[BrokerPair]:
    yield from start_pair("valkey")


def test_every_script_is_lost_on_its_way_in_some_case() -> None:
    scripts = {path.stem for path in (REPOSITORY / "contracts" / "lua").glob("*.lua")}
    # the real-time lane keeps nothing, and uploads have tests of their own: tests/integration/test_uploads.py
    of_captures = {name for name in scripts if not name.startswith(("live_", "upload_")) and name != "measure"}
    assert not of_captures - {sender.name for sender in LOST}


@pytest.mark.timeout(180)
def test_every_command_of_an_ordinary_load_is_lost_on_its_way_in_some_case(pair: BrokerPair, tmp_path: Path) -> None:
    async def ordinary(rig: Rig, armed: asyncio.Event) -> None:
        armed.set()

        async def complete() -> bool:
            await ask(rig)
            return set(COMMANDS) <= sent(rig)

        await until(complete, "every kind of command is sent", 50.0)

    async def main() -> None:
        async with rig_on(pair, tmp_path) as rig:
            report = await play(rig, Plan(make=slowly), ordinary)
            assert report.ok, report.findings
            assert report.recorded == 4
            assert not sent(rig) - LOST, sorted(map(str, sent(rig) - LOST))

    asyncio.run(main())
