"""Rules apart from I/O.

What decides is tested exhaustively because it can be run without a socket, a broker or a clock; one call to any of
them and those tests no longer show what the process does. Frames are never on a disk, so nothing on their way
through the gateway reaches a file. Ids come from clients, so a repeat is recognised; the gateway makes up none.
"""

from __future__ import annotations

import ast

import pytest

from contracts.rules.limits import CaptureLimits
from tests.guards.sources import Source, example, listed, source, sources

PURE = [
    *(module.path for module in sources("contracts/rules", "contracts/messages")),
    *(f"contracts/state/{name}.py" for name in ["captures", "frame", "recording", "records", "sessions", "video"]),
    "contracts/broker/keys.py",
    "contracts/storage/capture_facts.py",
    "contracts/storage/npz.py",
    "contracts/storage/session_fold.py",
    "gateway/access/table.py",
    "gateway/capture/actions.py",
    "gateway/capture/clock.py",
    "gateway/capture/jpeg.py",
    "gateway/capture/protocol.py",
    *(
        f"gateway/docs/{name}.py"
        for name in ["asyncapi", "examples", "openapi", "operations", "page", "page_operations"]
    ),
    *(f"gateway/docs/{name}.py" for name in ["refusals", "schemas", "sockets", "streams"]),
    "gateway/library/filters.py",
    "gateway/live/backpressure.py",
    "gateway/live/frame_check.py",
    "gateway/live/session.py",
    "gateway/live/suspect_frames.py",
    "gateway/sessions/service.py",
    "gateway/studies/table.py",
    "gateway/uploads/form.py",
    "scripts/backups/rules.py",
    "scripts/client/explanations.py",
    "scripts/client/frames.py",
    "scripts/client/pace.py",
    "scripts/pictures/motion.py",
    "workers/live/queue.py",
    "workers/vision/matrix.py",
    "workers/vision/orientation.py",
    "workers/vision/packets.py",
    "workers/extract/progress.py",
    "workers/vision/sampling.py",
]
IO_MODULES = {
    "asyncio",
    "fcntl",
    "glob",
    "httpx",
    "multiprocessing",
    "os",
    "pathlib",
    "queue",
    "random",
    "redis",
    "secrets",
    "select",
    "shutil",
    "signal",
    "socket",
    "sqlite3",
    "starlette",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib",
    "uuid",
    "uvicorn",
    "websockets",
}
PATHS_WITHOUT_IO = {"contracts/rules/paths.py": {"pathlib"}}  # it joins paths and opens no file
CLOCKS = {"datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"}
BROKER_NAMES = {"run", "run_sync", "AsyncBroker", "Broker", "broker_errors"}


def impurities(module: Source) -> list[str]:
    """Anything that waits, reads a clock, or reaches a file, a socket or a broker."""
    allowed = PATHS_WITHOUT_IO.get(module.path, set())
    found = [
        module.at(taken.node, f"{taken.module} does I/O; this module only decides")
        for taken in module.imports
        if (taken.package in IO_MODULES - allowed and taken.module != "urllib.parse")
        or (taken.package == "contracts" and taken.name in BROKER_NAMES)
    ]
    waits = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    found += [
        module.at(node, "this module only decides; it waits for nothing")
        for node in module.nodes
        if isinstance(node, waits)
    ]
    found += [module.at(call, "the time is passed in") for call, name in module.calls if name in CLOCKS]
    found += [module.at(call, "this module opens no file") for call, name in module.calls if name == "open"]
    return found


@pytest.mark.parametrize("path", PURE)
def test_rules_do_no_io(path: str) -> None:
    findings = impurities(source(path))
    assert not findings, listed(findings)


@pytest.mark.parametrize(
    "text",
    [
        "import asyncio",
        "from redis.asyncio import Redis",
        "from starlette.websockets import WebSocket",
        "import time",
        "from time import monotonic",
        "from pathlib import Path",
        "from contracts.broker.script import Call, run",
        "async def act(): ...",
        "from datetime import datetime\nnow = datetime.now()",
        "import datetime\nnow = datetime.datetime.utcnow()",
        "open('a')",
    ],
)
def test_io_in_a_rule_is_found(text: str) -> None:
    assert impurities(example(text, "gateway/capture/protocol.py"))


FILE_MODULES = {"fcntl", "glob", "io", "mmap", "os", "pathlib", "shelve", "shutil", "sqlite3", "tempfile"}
ID_MODULES = {"random", "secrets", "uuid"}
CONNECTION_KEY = ("gateway/capture/endpoint.py", "secrets")  # whose capture it is, not an id of anything recorded


def reaches(module: Source) -> list[str]:
    """Access to files, and generated ids."""
    found: list[str] = []
    for taken in module.imports:
        if taken.package in FILE_MODULES:
            found.append(module.at(taken.node, f"{taken.module}: frames go to memory only, never to a file"))
        elif taken.package in ID_MODULES and (module.path, taken.module) != CONNECTION_KEY:
            found.append(module.at(taken.node, f"{taken.module}: ids come from the client; the gateway makes none"))
    found += [module.at(call, "frames are never on a disk") for call, name in module.calls if name == "open"]
    secret_calls = [call for call, name in module.calls if name.startswith("secrets.")]
    found += [module.at(call, "one connection key per connection, no other secret") for call in secret_calls[1:]]
    return found


def test_the_capture_room_touches_no_file_and_makes_no_id() -> None:
    findings = [finding for module in sources("gateway/capture") for finding in reaches(module)]
    assert not findings, listed(findings)


@pytest.mark.parametrize(
    "text",
    [
        "from pathlib import Path",
        "import os",
        "open('frame.jpg', 'wb')",
        "from uuid import uuid4",
        "import secrets\nsecrets.token_hex(8)\nrecord_id = secrets.token_hex(16)",
    ],
)
def test_a_file_or_a_new_id_in_the_capture_room_is_found(text: str) -> None:
    assert reaches(example(text, "gateway/capture/endpoint.py"))


LIMITS = set(CaptureLimits.model_fields)
BIG_DEFAULTS = {default for default in CaptureLimits().model_dump().values() if default >= 100}
PATIENCE = "max_wait_s"  # how long the endpoint waits for its own queue, which is no limit of the client


def judgements(module: Source) -> list[str]:
    """Rules of the contract outside the protocol: a limit looked at, or its number spelled out."""
    found: list[str] = []
    compared = {id(inner) for node in module.nodes if isinstance(node, ast.Compare) for inner in ast.walk(node)}
    for node in module.nodes:
        if isinstance(node, ast.Attribute) and node.attr in LIMITS and (node.attr != PATIENCE or id(node) in compared):
            found.append(module.at(node, f"{node.attr}: limits are judged by the protocol; the endpoint only pumps"))
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float) and node.value in BIG_DEFAULTS:
            found.append(module.at(node, f"{node.value!r} is a limit's number; limits are settings"))
    return found


def test_the_endpoint_checks_no_limit() -> None:
    findings = judgements(source("gateway/capture/endpoint.py"))
    assert not findings, listed(findings)


@pytest.mark.parametrize(
    "text",
    ["meta.byte_length > limits.max_frame_bytes", "waited > limits.max_wait_s", "limits.min_duration_s", "x > 300_000"],
)
def test_a_limit_checked_in_the_endpoint_is_found(text: str) -> None:
    assert judgements(example(text))


def test_the_protocol_checks_the_limits() -> None:
    assert judgements(source("gateway/capture/protocol.py"))
