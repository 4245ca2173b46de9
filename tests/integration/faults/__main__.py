"""The long run: ``python -m tests.integration.faults --minutes M --seed S``. Plays every case, and mixes, on Valkey and
on Redis in turn until the time is over, and prints the table. The seed and the round make a play happen again."""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.brokers import EVENTS, FRAMES, BrokerProcess, Flavour, server_path
from tests.conftest import BrokerPair
from tests.integration.faults.cases import ALL, case_of, mix
from tests.integration.faults.checker import Report
from tests.integration.faults.harness import play, rig_on
from tests.integration.faults.process_faults import Case

MIXES_PER_ROUND = 6


@dataclass(slots=True)
class Row:
    """One line of the table."""

    runs: int = 0
    captures: int = 0
    appends: int = 0
    recorded: int = 0
    lost: int = 0
    duplicated: int = 0
    wrong: int = 0
    findings: list[str] = field(default_factory=list)

    def add(self, report: Report, case: Case) -> None:
        """Count one play."""
        self.runs += 1
        self.captures += report.captures
        self.appends += report.appends
        self.recorded += report.recorded
        self.lost += len(report.lost)
        self.duplicated += len(report.duplicated)
        self.wrong += len(report.wrong)
        self.findings += report.findings
        if report.recorded < case.recorded:
            self.wrong += 1
            self.findings.append(f"wrong: {report.recorded} captures are recorded, not {case.recorded}")


@contextmanager
def broker_pair(flavour: Flavour) -> Iterator[BrokerPair]:
    pair = BrokerPair(BrokerProcess(flavour, FRAMES).start(), BrokerProcess(flavour, EVENTS).start())
    try:
        yield pair
    finally:
        pair.frames.stop()
        pair.events.stop()


async def one_round(table: dict[str, Row], flavour: Flavour, seed: str, names: list[str], until_s: float) -> None:
    """Every case once, on one rig; a play that finds something ends the rig, and the next case gets a new one."""
    left = list(names)
    while left and time.monotonic() < until_s:
        with broker_pair(flavour) as pair, tempfile.TemporaryDirectory(prefix="a3cp-faults-") as folder:
            async with rig_on(pair, Path(folder)) as rig:
                while left and time.monotonic() < until_s:
                    name = left.pop()
                    rig.random = random.Random(f"{seed}/{name}")
                    case = mix(f"{seed}/{name}") if name.startswith("mix") else case_of(name)
                    row = table.setdefault("mix" if name.startswith("mix") else name, Row())
                    try:
                        report = await play(rig, case.plan, case.fault, case.allow)
                    except AssertionError as error:
                        report = Report(wrong=[str(error)])
                    row.add(report, case)
                    say(f"{flavour}  {seed}  {name}: {report.recorded}/{report.captures} recorded")
                    if row.findings and not report.ok:
                        say("\n".join(["", *report.findings, "", *rig.said[-200:]]))
                        break


def say(text: str) -> None:
    print(text, flush=True)


def show(table: dict[str, Row]) -> None:
    """The table, in Markdown."""
    say("\n| fault | runs | captures | appends | recorded | lost | duplicated | wrong |")
    say("|---|--:|--:|--:|--:|--:|--:|--:|")
    for name, row in sorted(table.items()):
        counts = (row.runs, row.captures, row.appends, row.recorded, row.lost, row.duplicated, row.wrong)
        say(f"| {name} | {' | '.join(map(str, counts))} |")
    totals = [sum(getattr(row, name) for row in table.values()) for name in ("runs", "captures", "appends", "recorded")]
    bad = [sum(getattr(row, name) for row in table.values()) for name in ("lost", "duplicated", "wrong")]
    say(f"| **all** | {' | '.join(map(str, totals + bad))} |")


def main() -> int:
    """Run; 0 if nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.integration.faults", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--flavour", choices=["valkey", "redis"], help="one of them only")
    arguments = parser.parse_args()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)  # ours; what native code writes to descriptor 2 goes nowhere
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    flavours: list[Flavour] = [arguments.flavour] if arguments.flavour else ["valkey", "redis"]
    names = [name for name in [*ALL, *(f"mix {n}" for n in range(MIXES_PER_ROUND))] if arguments.only in name]
    until_s = time.monotonic() + 60 * arguments.minutes
    table: dict[str, Row] = {}
    number = 0
    while time.monotonic() < until_s:
        flavour = flavours[number % len(flavours)]
        if server_path(flavour) is None:
            say(f"no {flavour} server on this machine")
            return 1
        seed = f"{arguments.seed}.{number}"
        random.Random(seed).shuffle(names)
        asyncio.run(one_round(table, flavour, seed, names, until_s))
        number += 1
    show(table)
    return int(any(row.findings for row in table.values()))


if __name__ == "__main__":
    sys.exit(main())
