"""The guarantees page names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "tests" / "GUARANTEES.md"
RULES = ROOT / "tests" / "gateway" / "live" / "README.md"


def named_tests(page: str) -> set[str]:
    return set(re.findall(r"`(test_\w+|Test\w+)`", page))


def existing_tests() -> set[str]:
    pattern = re.compile(r"^\s*def (test_\w+)\(|^(Test\w+) =", re.M)
    return {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for match in pattern.finditer(path.read_text())
        for name in match.groups()
        if name
    }


def test_every_test_that_a_guarantee_names_exists() -> None:
    named = named_tests(PAGE.read_text())
    assert len(named) > 40
    missing = sorted(named - existing_tests())
    assert not missing, f"{PAGE.name} names tests that do not exist: {missing}"


def test_every_test_that_a_rule_of_the_real_time_lane_names_exists() -> None:
    named = named_tests(RULES.read_text())
    assert len(named) > 40
    missing = sorted(named - existing_tests())
    assert not missing, f"{RULES} names tests that do not exist: {missing}"


def test_every_test_that_the_security_page_names_exists() -> None:
    named = named_tests((ROOT / ".github" / "SECURITY.md").read_text())
    assert named
    assert not named - existing_tests()


def test_every_guarantee_names_a_test() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and line.count("|") == 4]
    promises = [row for row in rows if not row.startswith("| promise")]
    assert len(promises) > 25
    assert not [row for row in promises if not named_tests(row)]
