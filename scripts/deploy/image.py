"""Select the part of the lock for one container image. The Dockerfiles run this file, so it needs the standard library
only.

``python image.py gateway /out`` writes ``requirements.lock``, the part of the lock that the gateway needs, with its
hashes, and the metadata from which a process reads the project's version. The files are not kept in the repository: it
has one lock, and so no second one that could differ.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

__all__ = ["IMAGES", "ContainerImageError", "direct_packages", "main", "metadata", "part_of_lock"]

IMAGES = ("gateway", "workers", "recorder")

_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==")
_NEVER = re.compile(r"^\S+ ; sys_platform == 'never'")
"""A pin that is installed nowhere (`override-dependencies` in pyproject.toml), and so needs no other package."""

_VIA = re.compile(r"^ +# +(?:via +)?([A-Za-z0-9._-]+)")


class ContainerImageError(Exception):
    """The lock or ``pyproject.toml`` lacks something that an image needs."""


def direct_packages(image: str, pyproject: str) -> frozenset[str]:
    """The packages that the image's process imports directly, by canonical names.

    Raises:
        ContainerImageError: there is no such image.
    """
    lists = tomllib.loads(pyproject)["tool"]["a3cp"]["images"]
    if image not in IMAGES:
        raise ContainerImageError(f"{image}: no such image; there are {', '.join(IMAGES)}")
    return frozenset(map(_canonical, [*lists["contracts"], *lists[image]]))


def part_of_lock(wanted: Iterable[str], lock: str) -> str:
    """Select the pins of ``wanted`` and of their dependencies, by the lock's comments: each pin names the packages that
    need it.

    Raises:
        ContainerImageError: a package is not in the lock.
    """
    pins = [(name, frozenset(_needed_by(block)), block) for name, block in _blocks(lock)]
    needed = frozenset(wanted)
    if missing := needed - {name for name, _, _ in pins}:
        raise ContainerImageError(f"not in the lock: {', '.join(sorted(missing))}")
    while more := {name for name, via, _ in pins if via & needed} - needed:
        needed |= more
    return "".join(block for name, _, block in pins if name in needed)


def _blocks(lock: str) -> Iterable[tuple[str, str]]:
    """The canonical name and the lines of each pin that is installed anywhere."""
    for block in re.split(r"^(?=\S)", lock, flags=re.MULTILINE):
        if (found := _PIN.match(block)) and not _NEVER.match(block):
            yield _canonical(found[1]), block


def _needed_by(block: str) -> Iterable[str]:
    for line in block.splitlines():
        if (found := _VIA.match(line)) and found[1] != "via":
            yield _canonical(found[1])


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def metadata(pyproject: str) -> tuple[str, str]:
    """The folder's name and the content of the ``METADATA`` file that ``importlib.metadata`` reads: name and
    version."""
    project = tomllib.loads(pyproject)["project"]
    name, version = project["name"], project["version"]
    return f"{name}-{version}.dist-info", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"


def main(arguments: list[str]) -> int:
    """Write the lock's part and the metadata for one image into a folder; returns the exit code."""
    image, folder = arguments[0], Path(arguments[1])
    here = Path(__file__).resolve().parents[2]
    pyproject, lock = (here / "pyproject.toml").read_text(), (here / "requirements.lock").read_text()
    try:
        part = part_of_lock(direct_packages(image, pyproject), lock)
    except ContainerImageError as error:
        print(error, file=sys.stderr)
        return 1
    info, content = metadata(pyproject)
    (folder / info).mkdir(parents=True)
    (folder / info / "METADATA").write_text(content)
    (folder / "requirements.lock").write_text(part)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
