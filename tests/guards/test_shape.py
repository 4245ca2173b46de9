"""The shape of modules and tests.

A module that says what it is for, offers a list of names and fits on a few screens can be reviewed whole. A test that
sleeps and hopes is slow on a fast machine and wrong on a slow one: it waits for a condition with a deadline instead.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.guards.sources import PACKAGES, Source, example, listed, sources

MODULE_LINES = 300
FUNCTION_LINES = 40
Function = ast.FunctionDef | ast.AsyncFunctionDef


def shapelessness(module: Source) -> list[str]:
    """The parts that a module lacks, or that are too long."""
    found: list[str] = []
    if not ast.get_docstring(module.tree):
        found.append(f"{module.path}:1: no docstring says what this module is for")
    lines = len(module.text.splitlines())
    if lines > MODULE_LINES:
        found.append(f"{module.path}:1: {lines} lines, over {MODULE_LINES}: there is a noun missing")
    for node in module.nodes:
        if isinstance(node, Function) and node.end_lineno is not None:
            length = node.end_lineno - node.lineno + 1
            if length > FUNCTION_LINES:
                found.append(module.at(node, f"{node.name} has {length} lines, over {FUNCTION_LINES}"))
    return found


def test_modules_have_a_purpose_and_a_size() -> None:
    findings = [finding for module in sources(*PACKAGES) for finding in shapelessness(module)]
    assert not findings, listed(findings)


@pytest.mark.parametrize(
    "text",
    [
        "x = 1",
        '"""Purpose."""\n' + "x = 1\n" * MODULE_LINES,
        '"""Purpose."""\nasync def long():\n' + "    x = 1\n" * FUNCTION_LINES,
    ],
)
def test_a_shapeless_module_is_found(text: str) -> None:
    assert len(shapelessness(example(text))) == 1


SLEEPS = {"time.sleep", "asyncio.sleep"}
HOPES_S = (0.1, 60)  # shorter is a poll; longer is a wait for being stopped
SLEEPS_ON_PURPOSE = {
    ("tests/integration/faults/process_faults.py", 3.0): "a process that is paused for seconds is the fault itself",
    ("tests/gateway/test_app_http.py", 0.6): "shows that nothing happens when a time is over",
}


def hopeful_sleeps(module: Source) -> list[str]:
    """Sleeps of a fixed time outside every loop."""
    if "sleep" not in module.text:
        return []  # not parsed
    return [
        module.at(call, "a sleep is no synchronisation: wait for a condition with a deadline")
        for call in _straight_calls(module.tree)
        if module.dotted(call.func) in SLEEPS and call.args and _is_hope(module.path, call.args[0])
    ]


def _straight_calls(node: ast.AST) -> Iterator[ast.Call]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.While | ast.For | ast.AsyncFor):
            continue
        if isinstance(child, ast.Call):
            yield child
        yield from _straight_calls(child)


def _is_hope(path: str, argument: ast.expr) -> bool:
    if not isinstance(argument, ast.Constant) or not isinstance(argument.value, int | float):
        return False
    return HOPES_S[0] < argument.value < HOPES_S[1] and (path, argument.value) not in SLEEPS_ON_PURPOSE


def test_tests_wait_for_conditions() -> None:
    findings = [finding for module in sources("tests") for finding in hopeful_sleeps(module)]
    assert not findings, listed(findings)


@pytest.mark.parametrize(
    "text",
    ["import time\ntime.sleep(0.5)", "from asyncio import sleep\nasync def test_it():\n    await sleep(1)"],
)
def test_a_fixed_sleep_is_found(text: str) -> None:
    assert hopeful_sleeps(example(text, "tests/example.py"))


def test_a_poll_is_allowed() -> None:
    assert not hopeful_sleeps(example("import time\nwhile not done():\n    time.sleep(0.5)\ntime.sleep(0.01)"))


HTTP_CALLS = {
    f"httpx.{name}" for name in ("AsyncClient", "Client", "get", "post", "put", "delete", "request", "stream")
}


def impatient_requests(module: Source) -> list[str]:
    """HTTP requests that give up after httpx's own 5 s, in which a busy machine does not always answer."""
    if "httpx" not in module.text:
        return []  # not parsed
    return [
        module.at(call, "httpx gives up after 5 s: say timeout=DEADLINE_S")
        for call, name in module.calls
        if name in HTTP_CALLS and not {keyword.arg for keyword in call.keywords} & {"timeout", "transport"}
    ]


def test_tests_wait_for_an_answer() -> None:
    findings = [finding for module in sources("tests") for finding in impatient_requests(module)]
    assert not findings, listed(findings)


def test_a_request_without_a_time_is_found() -> None:
    assert impatient_requests(example("import httpx\nhttpx.get('/')", "tests/example.py"))
    assert not impatient_requests(example("import httpx\nhttpx.get('/', timeout=300)", "tests/example.py"))
