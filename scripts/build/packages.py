"""Select the part of ``requirements.lock`` that a shell command needs.

``python -m scripts.build.packages run`` prints the pins of the project's dependencies and of the tools that install
the project itself; ``extras`` those of the extras too. `scripts/setup.sh` runs it before a package is installed, so it
needs the standard library only.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Final

from scripts.deploy.image import part_of_lock

__all__ = ["main", "packages"]

_INSTALLERS: Final = ("editables", "hatchling")
"""What an editable install without isolation needs."""

_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")


def packages(which: str, pyproject: str, lock: str) -> str:
    """The part of the lock for ``run`` or ``extras``, with its hashes.

    Raises:
        ValueError: there is no such part.
        ContainerImageError: a package is not in the lock.
    """
    if which not in ("run", "extras"):
        raise ValueError(f"{which}: no such part of the lock; there are run and extras")
    project = tomllib.loads(pyproject)["project"]
    wanted = list(project["dependencies"])
    if which == "extras":
        wanted += [text for extra in project["optional-dependencies"].values() for text in extra]
    return part_of_lock([*map(_name, wanted), *_INSTALLERS], lock)


def _name(requirement: str) -> str:
    """The canonical name of a requirement, as ``redis[hiredis]>=8`` is one."""
    found = _NAME.match(requirement)
    assert found is not None, requirement
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def main(arguments: list[str]) -> int:
    """Print a part of the lock; returns the exit code."""
    root = Path(__file__).resolve().parents[2]
    pyproject, lock = (root / "pyproject.toml").read_text(), (root / "requirements.lock").read_text()
    print(packages(arguments[0], pyproject, lock), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
