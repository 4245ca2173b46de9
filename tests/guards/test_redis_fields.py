"""The fields of what lies in Redis are spelled in ``contracts/state`` alone: all others use its readers and writers, so
that a field is renamed, or read more strictly, in one place."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.guards.sources import ROOT

ROOMS = ("gateway", "recorder", "scripts", "workers")
BARE_GATEWAY = "scripts/measurements/bare_gateway.py"
"""A floor for measurements; it has a stream of its own, with entries that no other program reads."""
FIELD_COMMANDS = {"hget", "hmget", "hset", "hsetnx", "hexists", "hdel", "hincrby", "xadd"}


def literals(node: ast.AST) -> Iterator[str | bytes]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str | bytes) and part.value:
            yield part.value


def spelled_fields(source: str) -> Iterator[str]:
    """Each place in which a program names a field of a hash or of a stream's entry."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            named: object = node.slice.value if isinstance(node.slice.value, bytes) else None
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            named = None
            if node.func.attr in FIELD_COMMANDS:
                # the first argument is the key, whose name may be built from literals
                named = [text for argument in [*node.args[1:], *node.keywords] for text in literals(argument)] or None
            elif node.func.attr in {"get", "pop"} and node.args and isinstance(node.args[0], ast.Constant):
                named = node.args[0].value if isinstance(node.args[0].value, bytes) else None
        else:
            continue
        if named is not None:
            yield f"line {node.lineno}: {ast.unparse(node)}"


def test_no_field_is_spelled_outside_contracts_state() -> None:
    paths = [path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "node_modules" not in path.parts]
    names = {path.relative_to(ROOT).as_posix() for path in paths}
    assert len(names) > 100 and BARE_GATEWAY in names
    found = [
        f"{name}, {place}" for name in names - {BARE_GATEWAY} for place in spelled_fields((ROOT / name).read_text())
    ]
    assert not found, "read these through contracts/state:\n" + "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        'await broker.hmget(key, ["user_id", "status"])',
        'broker.hget(key, "status")',
        'broker.hexists(key, "generation")',
        'broker.hset(key, mapping={"status": "closed"})',
        'broker.xadd(stream, {"capture_id": capture_id})',
        'fields[b"capture_id"]',
        'fields.get(b"capture_id", b"")',
    ],
)
def test_a_field_that_is_spelled_elsewhere_is_found(source: str) -> None:
    assert len(list(spelled_fields(source))) == 1


@pytest.mark.parametrize("source", ["broker.hgetall(key)", "broker.hget(video, str(number))", 'environ.get("HOME")'])
def test_a_call_that_names_no_field_is_left_alone(source: str) -> None:
    assert list(spelled_fields(source)) == []
