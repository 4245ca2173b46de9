"""Playing case after case on servers of one flavour, until the time is over."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
import traceback
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.integration.faults.cases import case_of
from tests.integration.faults.checker import Report
from tests.integration.faults.harness import Rig, play_reported
from tests.integration.faults.rigs import RigKind
from tests.integration.faults.table import CaseRow
from tests.support.brokers import Flavour

__all__ = ["Run", "run_on", "say"]


@dataclass(slots=True)
class Run:
    """A long run on servers of one flavour, over when ``until_s`` is."""

    flavour: Flavour
    seed: int
    names: Sequence[str]
    until_s: float
    rows: dict[str, CaseRow] = field(default_factory=dict)

    @property
    def goes_on(self) -> bool:
        """Whether there is time for one more play."""
        return time.monotonic() < self.until_s

    async def rounds(self) -> None:
        """Round after round, every case once in each."""
        number = 0
        while self.goes_on:
            seed = f"{self.seed}.{number}"
            cases_by_kind: dict[RigKind, list[str]] = defaultdict(list)
            names = random.Random(seed).sample(self.names, len(self.names))
            # the other way round on the other: a run that is cut short has met every case on one of them
            for name in names if self.flavour == "valkey" else reversed(names):
                cases_by_kind[case_of(name).rig_kind].append(name)
            for rig_kind in sorted(cases_by_kind, key=lambda rig_kind: len(cases_by_kind[rig_kind])):
                await self._play_all(cases_by_kind[rig_kind], rig_kind, seed)
            number += 1

    async def _play_all(self, names: list[str], rig_kind: RigKind, seed: str) -> None:
        """All on one rig; a play that finds something ends it, and the next case gets a new one."""
        if self.flavour not in rig_kind.flavours:
            return
        if lack := rig_kind.lacks(self.flavour):
            say(f"{self.flavour}  {seed}  left out, {lack}: {', '.join(names)}")
            return
        while names and self.goes_on:
            try:
                with TemporaryDirectory(prefix="a3cp-faults-") as folder:
                    async with rig_kind.rig(self.flavour, Path(folder)) as rig:
                        while names and self.goes_on and await self._play(names.pop(), rig, seed):
                            pass
            except Exception:  # the run goes on, whatever a rig does
                self._count("no rig", Report(wrong=[traceback.format_exc()]), seed)

    async def _play(self, name: str, rig: Rig, seed: str) -> bool:
        rig.random = random.Random(f"{seed}/{name}")
        case = case_of(f"{name} {seed}" if name.startswith("mix") else name)
        report = await play_reported(rig, case.plan, case.fault, case.allow, recorded=case.recorded)
        self._count(name, report, seed)
        if not report.ok:
            say("\n".join(rig.said[-200:]))
        return report.ok

    def _count(self, name: str, report: Report, seed: str) -> None:
        self.rows.setdefault(name, CaseRow()).add(name, report)
        say(f"{self.flavour}  {seed}  {name}: {report.recorded}/{report.captures} recorded")
        for finding in report.findings:
            say(f"FOUND  {finding}")


def say(text: str) -> None:
    """Print it now."""
    print(text, flush=True)


def run_on(run: Run) -> dict[str, CaseRow]:
    """Play it in this process; returns the rows of its table."""
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)  # ours; what native code writes to descriptor 2 goes nowhere
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    asyncio.run(run.rounds())
    return run.rows
