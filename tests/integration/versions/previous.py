"""The previous release as an operator has it: its own source tree, and a virtual environment of its own lock."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from scripts.build.packages import packages
from scripts.build.uv_settings import uv_settings

__all__ = ["NoPreviousRelease", "PreviousRelease", "make_previous", "named_release", "previous_tree"]

ROOT = Path(__file__).parents[3]
NAMED = Path(__file__).with_name("previous_release.toml")


class NoPreviousRelease(Exception):
    """The previous release cannot be made here; the text says what to do."""


@dataclass(frozen=True, slots=True)
class PreviousRelease:
    """The previous release: its version, its source tree, and the Python of its environment."""

    version: str
    tree: Path
    python: Path


def named_release() -> tuple[str, str]:
    """The version and the commit in ``previous_release.toml``."""
    named = tomllib.loads(NAMED.read_text())
    return str(named["version"]), str(named["commit"])


def make_previous(folder: Path) -> PreviousRelease:
    """Make the tree and the environment in an empty folder. The packages come from uv's cache if it has them.

    Raises:
        NoPreviousRelease: the clone does not have the commit, or the packages cannot be installed.
    """
    tree, environment = previous_tree(folder), folder / "venv"
    python = environment / "bin" / "python"
    lock = folder / "run.lock"
    lock.write_text(packages("run", (tree / "pyproject.toml").read_text(), (tree / "requirements.lock").read_text()))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    uv_program = Path(sys.executable).with_name("uv")  # scripts/setup.sh installs it, if it can
    if not uv_program.exists():
        locked = ["--no-deps", "--require-hashes", "-r", str(ROOT / "requirements-uv.lock")]
        _install([*pip, "-qq", "install", "--target", str(folder / "uv"), *locked], {})
        uv_program = folder / "uv" / "bin" / "uv"
    listed = subprocess.run([*pip, "config", "list"], capture_output=True, text=True, check=True).stdout
    uv = [str(uv_program), "pip", "install", "-q", "--python", str(python)]
    options = ["--no-deps", "--require-hashes", "--index-strategy", "unsafe-best-match", "-r", str(lock)]
    _install([*uv, *options], uv_settings(listed, os.environ))
    return PreviousRelease(named_release()[0], tree, python)


def previous_tree(folder: Path) -> Path:
    """The source tree alone, in an empty folder. Raises `NoPreviousRelease` if the clone does not have it."""
    (version, commit), tree = named_release(), folder / "tree"
    archive = ["git", "-C", str(ROOT), "archive", commit]
    found = subprocess.run(archive, capture_output=True, check=False)
    if found.returncode:
        said = found.stderr.decode(errors="replace").strip()
        raise NoPreviousRelease(
            f"this clone does not have release {version}, commit {commit}: {said}. "
            "Fetch the whole history: git fetch --unshallow (in CI: actions/checkout with fetch-depth: 0)"
        )
    with tarfile.open(fileobj=io.BytesIO(found.stdout)) as files:
        files.extractall(tree, filter="data")
    return tree


def _install(command: list[str], environ: dict[str, str]) -> None:
    # not in the clone: pyproject.toml has overrides, which are for making the lock
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", env=os.environ | environ, check=False)
    if done.returncode:
        raise NoPreviousRelease(f"its packages cannot be installed: {done.stderr.strip()[-2000:]}")
