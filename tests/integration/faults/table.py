"""The table of a long run: its plays and findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import get_args

from contracts.broker.roles import Role
from tests.integration.faults.checker import Report

__all__ = ["CaseRow", "every_case", "family", "summary"]


@dataclass(slots=True)
class CaseRow:
    """One line of the table; ``cases`` are the names of those that it counts."""

    cases: set[str] = field(default_factory=set)
    runs: int = 0
    captures: int = 0
    appends: int = 0
    recorded: int = 0
    lost: int = 0
    duplicated: int = 0
    wrong: int = 0

    def add(self, name: str, report: Report) -> None:
        """Count one play."""
        self.cases.add(name)
        self.runs += 1
        self.captures += report.captures
        self.appends += report.appends
        self.recorded += report.recorded
        self.lost += len(report.lost)
        self.duplicated += len(report.duplicated)
        self.wrong += len(report.wrong)

    def __add__(self, other: CaseRow) -> CaseRow:
        return CaseRow(
            self.cases | other.cases, self.runs + other.runs, self.captures + other.captures,
            self.appends + other.appends, self.recorded + other.recorded,
            self.lost + other.lost, self.duplicated + other.duplicated, self.wrong + other.wrong,
        )  # fmt: skip

    @property
    def found(self) -> bool:
        """Whether anything was."""
        return bool(self.lost or self.duplicated or self.wrong)


def family(name: str) -> str:
    """What a case's name begins with; the broker is told too where a command is lost on its way."""
    head, _, rest = name.partition(": ")
    words = rest.split()
    if len(words) == 3 and words[0] in get_args(Role):
        return f"{head}, {words[0]} broker"
    return head


def grouped(rows: Mapping[str, CaseRow]) -> dict[str, CaseRow]:
    """The rows of each family in one."""
    families: dict[str, CaseRow] = {}
    for name, row in rows.items():
        of_family = "several at once" if name.startswith("mix") else family(name)
        families[of_family] = families.get(of_family, CaseRow()) + row
    return families


def summary(rows: Mapping[str, CaseRow]) -> str:
    """One line for each family, and one for all, in Markdown."""
    names = {
        f"{name}: {len(row.cases)} cases" if len(row.cases) > 1 else name: row for name, row in grouped(rows).items()
    }
    return _markdown(names, ("runs", "captures", "lost", "duplicated", "wrong"))


def every_case(rows: Mapping[str, CaseRow]) -> str:
    """One line for each case, and one for all, in Markdown."""
    return _markdown(rows, ("runs", "captures", "appends", "recorded", "lost", "duplicated", "wrong"))


def _markdown(rows: Mapping[str, CaseRow], columns: Iterable[str]) -> str:
    columns = tuple(columns)
    everything = reduce(CaseRow.__add__, rows.values(), CaseRow())

    def lines() -> Iterator[str]:
        yield _line("fault", columns)
        yield _line("---", ["--:" for _ in columns])
        for name, row in [*sorted(rows.items()), ("**all**", everything)]:
            yield _line(name, [f"{getattr(row, column):,}" for column in columns])

    return "\n".join(lines())


def _line(first: str, others: Iterable[str]) -> str:
    return f"| {' | '.join([first, *others])} |"
