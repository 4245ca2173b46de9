"""The guarantees page names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "tests" / "GUARANTEES.md"
RULES = ROOT / "tests" / "gateway" / "live" / "README.md"


def named_tests(page: str) -> set[str]:
    return set(re.findall(r"`(test_\w+|Test\w+)`", page))


def existing_tests() -> set[str]:
    pattern = re.compile(r"^\s*(?:async )?def (test_\w+)\(|^(Test\w+) =", re.M)
    return {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for match in pattern.finditer(path.read_text())
        for name in match.groups()
        if name
    }


@pytest.mark.parametrize(("page", "at_least"), [(PAGE, 41), (RULES, 41), (ROOT / ".github" / "SECURITY.md", 1)])
def test_every_test_that_a_page_names_exists(page: Path, at_least: int) -> None:
    named = named_tests(page.read_text())
    assert len(named) >= at_least
    missing = sorted(named - existing_tests())
    assert not missing, f"{page} names tests that do not exist: {missing}"


def test_every_guarantee_names_a_test() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and line.count("|") == 4]
    promises = [row for row in rows if not row.startswith("| promise")]
    assert len(promises) > 25
    assert not [row for row in promises if not named_tests(row)]
