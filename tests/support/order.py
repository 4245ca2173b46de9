"""The order of the tests: each process of pytest-xdist begins with its part of those that take long."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

import pytest

__all__ = ["long_first", "spread"]

T = TypeVar("T")

LONG = ("tests/integration/", "tests/e2e/")


def long_first(items: list[pytest.Item]) -> None:
    """Sort the tests. Those of whole stacks and in a browser take up to a minute, most of it waiting: a process that
    begins with them last would leave the others idle, and one that has all of them would take longest."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    faults_first = sorted(items, key=lambda item: "integration/faults" not in item.nodeid)  # stable
    items[:] = spread(faults_first, lambda item: item.nodeid.startswith(LONG), _unit, workers)


def _unit(item: pytest.Item) -> str:
    """What must stay in one process: a test, or a module whose tests share a fixture, which would be made again, or all
    modules of a group that share one (pytest-xdist's mark; ``--dist worksteal`` does not look at it)."""
    if group := item.get_closest_marker("xdist_group"):
        return str(group.args[0])
    fixtures = getattr(item, "_fixtureinfo", None)
    scopes = {each[-1].scope for each in fixtures.name2fixturedefs.values()} if fixtures else set()
    return item.nodeid.split("::")[0] if scopes & {"class", "module", "package"} else item.nodeid


def spread(items: Sequence[T], is_long: Callable[[T], bool], unit: Callable[[T], str], workers: int) -> list[T]:
    """The items in ``workers`` shares of the same size, as ``--dist worksteal`` deals them out at the start. Each share
    begins with every so-many-th unit of the long ones; all others keep their order."""
    groups: dict[str, list[T]] = {}
    for item in filter(is_long, items):
        groups.setdefault(unit(item), []).append(item)
    units = list(groups.values())
    others = [item for item in items if not is_long(item)]
    ordered: list[T] = []
    for number in range(workers):
        size = (len(items) - len(ordered)) // (workers - number)
        mine = [item for group in units[number::workers] for item in group]
        filling = max(size - len(mine), 0)
        ordered += [*mine, *others[:filling]]
        del others[:filling]
    return ordered + others
