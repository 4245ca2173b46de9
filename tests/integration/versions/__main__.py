"""``python -m tests.integration.versions``: every mix of two releases under every fault, upgrade, downgrade, and the
real-time lane; prints the table. It takes about ten minutes."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast, get_args

from tests.integration.faults.checker import Report
from tests.integration.faults.harness import play_reported
from tests.integration.faults.process_faults import Case
from tests.integration.faults.rigs import broker_pair
from tests.integration.faults.stand_in import Model
from tests.integration.versions.live_lane import live_parts, play_live
from tests.integration.versions.mixed_rig import mixed_rig_on
from tests.integration.versions.mixes import DOWNGRADE, MIXES, UPGRADE, Mix, exchanged, faults_of
from tests.integration.versions.previous import PreviousRelease, make_previous
from tests.integration.versions.verified import verified_alike
from tests.support.brokers import Flavour


@dataclass(slots=True)
class Row:
    """One line of the table."""

    plays: int = 0
    captures: int = 0
    recorded: int = 0
    appends: int = 0
    kills: int = 0
    lost: int = 0
    duplicated: int = 0
    wrong: int = 0

    def add(self, report: Report) -> None:
        """Count one play."""
        self.plays += 1
        self.captures += report.captures
        self.recorded += report.recorded
        self.appends += report.appends
        self.lost += len(report.lost)
        self.duplicated += len(report.duplicated)
        self.wrong += len(report.wrong)

    def line(self, name: str) -> str:
        """The row in Markdown."""
        numbers = [getattr(self, column) for column in self.__slots__]
        return f"| {' | '.join([name, *(f'{number:,}' for number in numbers)])} |"


class Run:
    """A run on one kind of broker. ``rows`` are by the mix's name."""

    def __init__(self, arguments: argparse.Namespace, previous: PreviousRelease) -> None:
        self._arguments = arguments
        self._previous = previous
        self.rows: dict[str, Row] = {}

    async def everything(self) -> None:
        """Play every mix, and the exchanges, that ``--only`` names."""
        previous = dict.fromkeys(UPGRADE, "previous")
        mixes = {name: (mix, faults_of(mix)) for name, mix in MIXES.items()}
        mixes["upgrade"] = (cast(Mix, previous), {"upgrade": exchanged(UPGRADE, kills=True)})
        mixes["downgrade"] = ({}, {"downgrade": exchanged(DOWNGRADE, "previous", kills=True)})
        for name, (mix, cases) in mixes.items():
            if self._arguments.only in name:
                await self._on_a_rig(name, mix, cases)
        if self._arguments.only in "live lane":
            await self._live()

    async def _on_a_rig(self, name: str, mix: Mix, cases: dict[str, Case]) -> None:
        row = self.rows.setdefault(name, Row())
        with TemporaryDirectory(prefix="a3cp-versions-") as folder, broker_pair(self._arguments.flavour) as pair:
            model: Model = self._arguments.model
            async with mixed_rig_on(pair, Path(folder), self._previous, mix, model=model) as rig:
                for case_name, case in cases.items():
                    rig.random = random.Random(f"{self._arguments.seed}/{name}/{case_name}")
                    report = await play_reported(rig, case.plan, case.fault, case.allow, recorded=case.recorded)
                    row.add(report)
                    said = f"{report.recorded}/{report.captures} recorded"
                    print(f"{name}: {case_name}: {said}", *report.findings, sep="\n  FOUND ", flush=True)
                    if not report.ok:
                        print("\n".join(rig.said[-150:]), flush=True)
                problems = await verified_alike(rig, self._previous)
                row.wrong += len(problems)
                row.kills += rig.kills
                print(f"{name}: both releases verify the logs", *problems, sep="\n  FOUND ", flush=True)

    async def _live(self) -> None:
        gateways: Mix = {"gateway": "present", "gateway-2": "previous"}
        with TemporaryDirectory(prefix="a3cp-versions-") as folder, broker_pair(self._arguments.flavour) as pair:
            async with mixed_rig_on(pair, Path(folder), self._previous, gateways, model="stand_in") as rig:
                told = await play_live(rig, live_parts(rig, {"live-1": "present", "live-2": "previous"}))
                print(f"live lane: {told}, {rig.kills} kills", flush=True)
                self.rows["live lane (frames)"] = Row(
                    1, told.frames, told.answered, kills=rig.kills, wrong=told.wrong
                )  # fmt: skip


def main() -> int:
    """Run; 0 if nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.integration.versions", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="mixes whose name contains this")
    parser.add_argument("--flavour", choices=get_args(Flavour), default="valkey")
    parser.add_argument("--model", choices=get_args(Model), default="stand_in")
    arguments = parser.parse_args()
    began_s = time.monotonic()
    with TemporaryDirectory(prefix="a3cp-previous-") as folder:
        previous = make_previous(Path(folder))
        print(f"release {previous.version} is ready after {time.monotonic() - began_s:.0f} s", flush=True)
        run = Run(arguments, previous)
        asyncio.run(run.everything())
    print(f"\nSeed {arguments.seed}, {(time.monotonic() - began_s) / 60:.0f} minutes, {arguments.flavour}:\n")
    print(f"| mix | {' | '.join(Row.__slots__)} |\n| --- {'| --: ' * len(Row.__slots__)}|")
    print("\n".join(row.line(name) for name, row in run.rows.items()))
    return int(any(row.lost or row.duplicated or row.wrong for row in run.rows.values()))


if __name__ == "__main__":
    sys.exit(main())
