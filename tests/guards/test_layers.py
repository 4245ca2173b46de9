"""Imports have a direction: no module imports itself by way of others, and `contracts` is built in layers.

A cycle means that none of its modules can be read, tested or moved alone, and that their order of loading matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.guards.sources import PACKAGES, ROOT, Source, example, listed, sources

MAY_IMPORT: Mapping[str, set[str]] = {
    "rules": set(),
    "messages": {"rules"},
    "process": {"rules", "messages"},
    "broker": {"rules", "messages", "process"},
    "state": {"rules", "messages", "process", "broker"},
    "storage": {"rules", "messages", "process", "broker", "state"},
}
"""What each folder of `contracts` may import of the others."""


def layer_breaks(module: Source) -> list[str]:
    """Imports of a layer above the module's own."""
    layer = _layer(module.path.replace("/", "."))
    if module.package != "contracts" or layer not in MAY_IMPORT:
        return []
    return [
        module.at(found.node, f"contracts.{layer} imports contracts.{other}, which is built upon it")
        for found in module.imports
        if found.package == "contracts"
        and (other := _layer(f"{found.module}.{found.name}")) not in {layer, *MAY_IMPORT[layer]}
    ]


def _layer(dotted: str) -> str:
    return dotted.split(".")[1]


def cycle(modules: Iterable[Source]) -> list[str]:
    """The modules of one import cycle, each imported by the one before it; empty if there is none."""
    graph = {_name(module.path): module for module in modules}
    imported = {name: _imported(module, graph) - {name} for name, module in graph.items()}
    try:
        TopologicalSorter(imported).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def _name(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _imported(module: Source, known: Mapping[str, Source]) -> set[str]:
    names = (f"{found.module}.{found.name}" for found in module.imports)
    return {name if name in known else name.rpartition(".")[0] for name in names} & known.keys()


def test_contracts_is_built_in_layers() -> None:
    assert {path.name for path in (ROOT / "contracts").iterdir() if _is_package(path)} == MAY_IMPORT.keys()
    findings = [finding for module in sources("contracts") for finding in layer_breaks(module)]
    assert not findings, listed(findings)


def _is_package(path: Path) -> bool:
    return (path / "__init__.py").is_file()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("contracts/rules/example.py", "from contracts.messages.event import RawFeaturesRef"),
        ("contracts/messages/example.py", "def later():\n    import contracts.process.settings"),
        ("contracts/process/example.py", "from contracts.broker.roles import connect"),
        ("contracts/broker/example.py", "from contracts import state"),
        ("contracts/state/example.py", "from contracts.storage import npz"),
    ],
)
def test_an_import_of_a_layer_above_is_found(path: str, text: str) -> None:
    assert layer_breaks(example(text, path))


def test_no_module_imports_itself_by_way_of_others() -> None:
    found = cycle(sources(*PACKAGES))
    assert not found, " imports ".join(found)


def test_a_cycle_is_found() -> None:
    ring = [
        example("from gateway.two import second", "gateway/one.py"),
        example("def later():\n    from gateway import three", "gateway/two.py"),
        example("import gateway.one", "gateway/three.py"),
    ]
    assert len(cycle(ring)) == 4
    assert not cycle(ring[:2])
