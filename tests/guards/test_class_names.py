"""One class name, one class: a reader who meets a name in a log, a traceback or an import knows which class it is."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable

from tests.guards.sources import PACKAGES, Source, example, listed, sources

ALLOWED: dict[str, str] = {}
"""Names that two modules may give to a class, each with the reason."""


def shared_names(modules: Iterable[Source]) -> list[str]:
    """Each class name that more than one module defines, with every definition."""
    places: defaultdict[str, set[str]] = defaultdict(set)
    for module in modules:
        for node in module.nodes:
            if isinstance(node, ast.ClassDef):
                places[node.name].add(f"{module.path}:{node.lineno}")
    return [
        f"{name}: {', '.join(sorted(found))}"
        for name, found in sorted(places.items())
        if len({place.partition(":")[0] for place in found}) > 1 and name not in ALLOWED
    ]


def test_no_two_modules_define_a_class_of_the_same_name() -> None:
    findings = shared_names(sources(*PACKAGES))
    assert not findings, listed(findings)


def test_a_shared_name_is_found_and_a_name_in_one_module_is_not() -> None:
    first = example("class Row: ...\nclass Other: ...", "contracts/first.py")
    second = example("def made():\n    class Row: ...", "scripts/second.py")
    assert shared_names([first, second]) == ["Row: contracts/first.py:1, scripts/second.py:2"]
    assert not shared_names([first, example("class Cell: ...", "scripts/second.py")])
