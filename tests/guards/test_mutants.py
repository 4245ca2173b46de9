"""Every mutant of the fault runs names lines that are in the sources, so a change of those lines changes the mutant."""

from __future__ import annotations

import pytest

from tests.guards.sources import ROOT
from tests.integration.faults.mutants import HOSTILE_MUTANTS, MUTANTS


@pytest.mark.parametrize("name", [*MUTANTS, *HOSTILE_MUTANTS])
def test_the_lines_that_a_mutant_changes_are_in_its_file_once(name: str) -> None:
    mutant = {**MUTANTS, **HOSTILE_MUTANTS}[name]
    assert (ROOT / mutant.path).read_text().count(mutant.rule) == 1, f"update the mutant: {mutant.path} has changed"
