"""Texts for users: a sentence for every code, plain log lines, and the lock's faults by name."""

from __future__ import annotations

import pytest

from contracts.rules.codes import CAPTURE_CODES
from scripts.build.lockfile import problems
from scripts.client.explanations import explain
from scripts.commands.up import plain


@pytest.mark.parametrize("code", sorted(CAPTURE_CODES))
def test_every_code_is_explained(code: str) -> None:
    assert explain(code).startswith(f"{code}: ")


def test_a_code_of_another_version_is_shown_as_it_is() -> None:
    assert explain("new_code") == "new_code"
    assert explain("") == "no reason was given"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('{"event": "listening", "address": "x", "level": "info", "process": "gateway"}', "listening  address=x"),
        ('{"event": "gone", "level": "warning"}', "WARNING: gone"),
        ("1:M * Ready to accept connections", "1:M * Ready to accept connections"),
        ('{"no": "event"}', '{"no": "event"}'),
        ("[1, 2]", "[1, 2]"),
        ("7", "7"),
    ],
)
def test_a_log_line_is_shown_without_its_braces(line: str, shown: str) -> None:
    assert plain(line) == shown


PYPROJECT = """
[project]
dependencies = ["alpha>=1.2", "beta_x==3"]
[dependency-groups]
dev = ["gamma<2"]
"""
LOCK = "alpha==1.3 \\\n    --hash=sha256:00\nbeta-x==3 \\\n    --hash=sha256:00\ngamma==1.9 \\\n    --hash=sha256:00\n"


def test_a_lock_in_step_has_no_problem() -> None:
    assert problems(PYPROJECT, LOCK) == []


@pytest.mark.parametrize(
    ("lock", "named"),
    [
        (LOCK.replace("alpha==1.3", "alpha==1.1"), "alpha>=1.2: the lock has 1.1"),
        (LOCK.replace("gamma==1.9", "delta==1.9"), "gamma<2: the lock has no such package"),
        (LOCK + "    # https://index.invalid/simple\n", "an address"),
        (LOCK.replace("    --hash=sha256:00\n", "", 1), "no hash"),
    ],
)
def test_a_lock_out_of_step_is_named(lock: str, named: str) -> None:
    assert any(named in problem for problem in problems(PYPROJECT, lock))
