"""Check each lock against ``pyproject.toml``: it pins every dependency to an allowed version, with hashes, and has no
address of a package index."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

__all__ = ["main", "problems"]

_LOCKS = {"requirements.lock": None, "requirements-deploy.lock": "deploy", "requirements-proxies.lock": "proxies"}
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)")


def problems(pyproject: str, lock: str, group: str | None = None) -> list[str]:
    """Find the differences, one sentence each. ``group`` is the only dependency group in this lock; None for the main
    lock."""
    pins: dict[str, list[str]] = {}
    for line in lock.splitlines():
        if found := _PIN.match(line):
            pins.setdefault(canonicalize_name(found[1]), []).append(found[2])
    wrong = []
    for text in _declared(pyproject, group):
        wanted = Requirement(text)
        versions = pins.get(canonicalize_name(wanted.name), [])
        if not any(wanted.specifier.contains(version, prereleases=True) for version in versions):
            wrong.append(f"{text}: the lock has {', '.join(versions) or 'no such package'}")
    if "://" in lock:
        wrong.append("the lock has an address, but it must work with any package index")
    if lock.count("--hash=") < len(pins):
        wrong.append("a pin has no hash")
    return wrong


def _declared(pyproject: str, group: str | None) -> Iterable[str]:
    document = tomllib.loads(pyproject)
    if group is not None:
        yield from document["dependency-groups"][group]
        return
    yield from document["project"]["dependencies"]
    for extra in document["project"].get("optional-dependencies", {}).values():
        yield from extra
    yield from document["dependency-groups"]["dev"]


def main() -> int:
    """Print the differences; returns 1 if there is any."""
    root = Path(__file__).resolve().parents[2]
    pyproject = (root / "pyproject.toml").read_text()
    wrong = [
        f"{name}: {sentence}"
        for name, group in _LOCKS.items()
        for sentence in problems(pyproject, (root / name).read_text(), group)
    ]
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
