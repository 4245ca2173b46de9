"""The harness finds what it is there to find: with one rule of the design taken out of a copy of the source, the fault
that the rule is for is no longer harmless."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import BrokerPair, start_pair
from tests.integration.faults.cases import case_of
from tests.integration.faults.harness import play, rig_on
from tests.integration.faults.mutants import MUTANTS, mutate


@pytest.fixture
def pair() -> Iterator[BrokerPair]:
    yield from start_pair("valkey")


@pytest.mark.parametrize("name", MUTANTS)
async def test_a_rule_that_is_taken_out_is_detected(name: str, pair: BrokerPair, tmp_path: Path) -> None:
    mutant = MUTANTS[name]
    case = case_of(mutant.case)
    tree = mutate(tmp_path / "tree", mutant)
    parts = {"extractors": mutant.extractors, "recorders": mutant.recorders}
    async with rig_on(pair, tmp_path / "rig", tree=tree, model="stand_in", **parts) as rig:
        rig.quiet_s = mutant.quiet_s
        plan = replace(case.plan, captures=2, appends=min(case.plan.appends, 6))
        report = await play(rig, plan, case.fault, case.allow, whole_again=False)
        assert any(mutant.finding in finding for finding in report.findings), report.findings
