"""The list of what can be lost on its way has everything that is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from tests.conftest import BrokerPair, start_pair
from tests.integration.faults.harness import Fault, Plan, Rig, play, rig_on, until
from tests.integration.faults.lost_replies import COMMANDS, LOST, Sender, ask, sent, slowly
from tests.integration.faults.rig import REPOSITORY
from tests.integration.faults.upload_faults import COMMANDS as OF_UPLOADS
from tests.integration.faults.upload_faults import LOST as LOST_OF_UPLOADS


@pytest.fixture
def pair() -> Iterator[BrokerPair]:
    yield from start_pair("valkey")


def test_every_script_is_lost_on_its_way_in_some_case() -> None:
    scripts = {path.stem for path in (REPOSITORY / "contracts" / "lua").glob("*.lua")}
    of_captures = {name for name in scripts if not name.startswith("live_")}  # the real-time lane keeps nothing
    assert not of_captures - {sender.name for sender in LOST | LOST_OF_UPLOADS}


def asking(wanted: Collection[Sender]) -> Fault:
    """No fault: ask until all of these are sent."""

    async def fault(rig: Rig, armed: asyncio.Event) -> None:
        armed.set()

        async def complete() -> bool:
            await ask(rig)
            return set(wanted) <= sent(rig)

        await until(complete, "every kind of command is sent", 50.0)

    return fault


@pytest.mark.timeout(180)
def test_every_command_of_an_ordinary_load_is_lost_on_its_way_in_some_case(pair: BrokerPair, tmp_path: Path) -> None:
    async def main() -> None:
        async with rig_on(pair, tmp_path) as rig:
            await play(rig, Plan(captures=0), asking(()))
            before = sent(rig)
            report = await play(rig, Plan(captures=0, uploads=4), asking(OF_UPLOADS))
            assert report.ok, report.findings
            assert report.recorded == 4
            news = sent(rig) - before
            assert not news - LOST_OF_UPLOADS, sorted(map(str, news - LOST_OF_UPLOADS))
            report = await play(rig, Plan(make=slowly), asking(COMMANDS))
            assert report.ok, report.findings
            assert report.recorded == 4
            every = LOST | LOST_OF_UPLOADS
            assert not sent(rig) - every, sorted(map(str, sent(rig) - every))

    asyncio.run(main())
