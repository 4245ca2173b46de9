"""The table of a long run adds up."""

from __future__ import annotations

from tests.integration.faults.cases import ALL
from tests.integration.faults.checker import Report
from tests.integration.faults.table import CaseRow, every_case, family, summary


def row(name: str, *plays: Report) -> CaseRow:
    made = CaseRow()
    for play in plays:
        made.add(name, play)
    return made


ROWS = {
    "reply cut: frames gateway push": row("a", Report(captures=2, recorded=2), Report(captures=2, lost=["it is gone"])),
    "reply cut: frames extractor row": row("b", Report(captures=3, wrong=["one", "two"])),
    "reply cut: events gateway get": row("c", Report(captures=1)),
    "mix 1": row("d", Report(captures=1_000, duplicated=["it is there twice"])),
}


def test_a_summary_has_a_line_for_each_family_and_the_sum_of_all() -> None:
    assert summary(ROWS).splitlines() == [
        "| fault | runs | captures | lost | duplicated | wrong |",
        "| --- | --: | --: | --: | --: | --: |",
        "| reply cut, events broker | 1 | 1 | 0 | 0 | 0 |",
        "| reply cut, frames broker: 2 cases | 3 | 7 | 1 | 0 | 2 |",
        "| several at once | 1 | 1,000 | 0 | 1 | 0 |",
        "| **all** | 5 | 1,008 | 1 | 1 | 2 |",
    ]


def test_every_case_has_a_line() -> None:
    lines = every_case(ROWS).splitlines()
    assert len(lines) == 2 + len(ROWS) + 1
    assert lines[-1] == "| **all** | 5 | 1,008 | 0 | 2 | 1 | 1 | 2 |"


def test_a_row_with_a_finding_says_so() -> None:
    assert not row("a", Report(captures=2, recorded=2)).found
    assert all(row("a", report).found for report in (Report(lost=["x"]), Report(duplicated=["x"]), Report(wrong=["x"])))


def test_the_families_are_few_enough_to_read() -> None:
    assert len({family(name) for name in ALL}) <= 40
