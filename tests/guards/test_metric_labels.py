"""No identifier is ever a metric's label: it would tell who did what, and grow without bound."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("contracts", "gateway", "workers", "recorder", "scripts")
METRICS = {"Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"}
LABELS = {
    "code",
    "kind",
    "outcome",
    "part",
    "pipeline",
    "pipeline_id",
    "role",
    "state",
    "status",
    "step",
    "reason",
    "result",
    "task",
}
"""Each has few values, which we choose. Add to it only what no client can choose."""


def metric_calls(source: str) -> Iterator[ast.Call]:
    """Calls of what a module has from ``prometheus_client``, by whatever name."""
    if "prometheus_client" not in source:
        return  # most modules: they need not be parsed
    tree = ast.parse(source)
    names, modules = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "prometheus_client":
            names |= {alias.asname or alias.name for alias in node.names if alias.name in METRICS}
        if isinstance(node, ast.Import):
            modules |= {alias.asname or alias.name for alias in node.names if alias.name == "prometheus_client"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = ast.unparse(node.func)
            if function in names or any(function == f"{module}.{metric}" for module in modules for metric in METRICS):
                yield node


def wrong_labels(source: str) -> list[str]:
    """What is wrong with the labels of a module's metrics, with its line."""
    problems = []
    for call in metric_calls(source):
        given = [keyword.value for keyword in call.keywords if keyword.arg == "labelnames"] + call.args[2:3]
        for labels in given:
            try:
                names = set(ast.literal_eval(labels))
            except ValueError:
                problems.append(f"{call.lineno}: the labels are not written out, so they cannot be checked")
            else:
                problems += [f"{call.lineno}: {name} is not one of the labels we choose" for name in names - LABELS]
    return problems


def test_no_metric_has_a_label_that_a_client_chooses() -> None:
    problems = [
        f"{path.relative_to(ROOT)}:{problem}"
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        for problem in wrong_labels(path.read_text())
    ]
    assert not problems, "\n".join(problems)


def test_an_identifier_as_a_label_is_found() -> None:
    bad = [
        "from prometheus_client import Counter\nCounter('a', 'b', ['user_id'])",
        "from prometheus_client import Gauge as G\nG('a', 'b', labelnames=('session_id', 'code'))",
        "import prometheus_client as p\np.Histogram('a', 'b', ['capture_id'])",
        "from prometheus_client import Counter\nCounter('a', 'b', names)",
    ]
    good = [
        "from prometheus_client import Counter\nCounter('a', 'b')\nCounter('a', 'b', ['code'])",
        "from collections import Counter\nCounter(['user_id'])",
    ]
    assert all(wrong_labels(source) for source in bad)
    assert not any(wrong_labels(source) for source in good)
