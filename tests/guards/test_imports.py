"""Who may import whom.

The rooms are separate processes that meet in messages: if one imports another, they can no longer be deployed,
restarted or replaced apart, and what crosses between them is no longer what ``contracts`` says. The gateway runs
where cameras connect; a vision library in it would cost memory, start-up time and attack surface there.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.guards.sources import PACKAGES, ROOMS, ROOT, Source, example, listed, source, sources

MAY_IMPORT = {
    "contracts": {"contracts"},
    "gateway": {"contracts", "gateway"},
    "recorder": {"contracts", "recorder"},
    "workers": {"contracts", "workers"},
    "scripts": {*ROOMS, "scripts"},
}
VISION = {"mediapipe", "cv2", "matplotlib", "av"}
LEAN = {"contracts": {*VISION, "numpy"}, "gateway": {*VISION, "numpy"}, "recorder": VISION}


def crossings(module: Source) -> list[str]:
    """Imports of a room that is closed to this one, and of the tests."""
    allowed = MAY_IMPORT[module.package]
    closed = {*PACKAGES, "tests"} - allowed
    return [
        module.at(found.node, f"{module.package} imports {found.module}; it may import {sorted(allowed)}")
        for found in module.imports
        if found.package in closed
    ]


def heavy_imports(module: Source) -> list[str]:
    """Imports of vision libraries where none may be."""
    return [
        module.at(found.node, f"{module.package} imports {found.module}: only workers look at pixels")
        for found in module.imports
        if found.package in LEAN.get(module.package, ())
    ]


def inner_names(module: Source) -> list[str]:
    """Names imported from a module of this project that are not in its ``__all__``."""
    found: list[str] = []
    for taken in module.imports:
        if taken.package not in PACKAGES or taken.name is None or _is_module(f"{taken.module}.{taken.name}"):
            continue
        offered = _module(taken.module).public
        if offered is None:
            found.append(module.at(taken.node, f"{taken.module} is imported by others and has no __all__"))
        elif taken.name not in offered:
            found.append(module.at(taken.node, f"{taken.name} is not in the __all__ of {taken.module}"))
    return found


def _file(dotted: str) -> str:
    path = dotted.replace(".", "/")
    return f"{path}/__init__.py" if (ROOT / path).is_dir() else f"{path}.py"


def _is_module(dotted: str) -> bool:
    return (ROOT / _file(dotted)).is_file()


def _module(dotted: str) -> Source:
    return source(_file(dotted))


def loggers(module: Source) -> list[str]:
    """Imports of structlog but the one that keeps rich out."""
    return [
        module.at(found.node, "structlog is imported by contracts.process.logs alone: elsewhere it would load rich")
        for found in module.imports
        if found.package == "structlog" and module.path != "contracts/process/logs.py"
    ]


NETWORK = {
    *("aiohttp", "ftplib", "http.client", "httpx", "imaplib", "nntplib", "poplib", "requests", "smtplib", "telnetlib"),
    *("urllib.request", "urllib3", "xmlrpc.client"),
}
CONNECTING = {"socket.create_connection", "asyncio.open_connection", "asyncio.open_unix_connection"}


def network_clients(module: Source) -> list[str]:
    """Clients of anything but the brokers, and connections by hand."""
    why = "our processes connect to their brokers, and to their object store, by contracts alone"
    found = [
        module.at(taken.node, f"{taken.module}: {why}")
        for taken in module.imports
        if {taken.module, taken.package, f"{taken.module}.{taken.name}"} & NETWORK
    ]
    found += [module.at(call, f"{name}: {why}") for call, name in module.calls if name in CONNECTING]
    found += [
        module.at(call, f"{name}: {why}")
        for call, name in module.calls
        if name in {".connect", ".connect_ex", ".create_connection", ".create_unix_connection"}
    ]
    return found


def loaded_by(statement: str, libraries: set[str] = VISION) -> set[str]:
    """The libraries of these that a fresh interpreter holds after ``statement``."""
    code = f"{statement}\nimport sys\nprint(*({libraries!r} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(answer.stdout.split())


def started(start: str, libraries: set[str]) -> tuple[int, set[str]]:
    """Start a process in a fresh interpreter. Returns how often the collector ran, and what it loaded of these."""
    code = f"""
import gc, sys
runs = []
gc.callbacks.append(lambda phase, _: runs.append(phase == "start"))
try:
    {start}
finally:
    print(sum(runs), *({libraries!r} & set(sys.modules)))
"""
    environ = {**os.environ, "A3CP_PORT": "none"}
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env=environ)
    count, *loaded = answer.stdout.split()
    return int(count), set(loaded)


def test_the_rooms_meet_only_in_contracts() -> None:
    findings = [finding for module in sources(*PACKAGES) for finding in crossings(module)]
    assert not findings, listed(findings)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("gateway/example.py", "from recorder.writer import SessionLogWriter"),
        ("gateway/example.py", "def later():\n    import workers.vision.matrix"),
        ("recorder/example.py", "from importlib import import_module\nimport_module('workers.vision.artifact')"),
        ("workers/vision/pipelines/example.py", "from gateway import app"),
        ("contracts/example.py", "import gateway"),
        ("contracts/example.py", "from scripts.cli import main"),
        ("scripts/example.py", "from tests.support.clips import moving"),
    ],
)
def test_an_import_of_another_room_is_found(path: str, text: str) -> None:
    assert crossings(example(text, path))


def test_no_process_of_the_stack_connects_to_anything_but_brokers_and_stores() -> None:
    findings = [finding for module in sources("gateway", "recorder", "workers") for finding in network_clients(module)]
    assert not findings, listed(findings)


@pytest.mark.parametrize(
    "text",
    [
        "import urllib.request",
        "from urllib import request",
        "from urllib.request import urlopen",
        "from http.client import HTTPConnection",
        "import http.client",
        "import httpx",
        "import requests",
        "from importlib import import_module\nimport_module('urllib.request')",
        "import socket\nsocket.create_connection(address)",
        "import socket\nsocket.socket().connect(address)",
        "import asyncio\nasyncio.open_connection(host, 80)",
        "loop.create_connection(protocol, host, 80)",
    ],
)
def test_a_client_of_the_network_is_found(text: str) -> None:
    assert network_clients(example(text))


def test_reading_a_url_is_no_network() -> None:
    assert not network_clients(example("from urllib.parse import urlsplit\nimport http\nhttp.HTTPStatus.OK"))


def test_no_vision_library_is_imported_outside_the_workers() -> None:
    findings = [finding for module in sources(*LEAN) for finding in heavy_imports(module)]
    assert not findings, listed(findings)


@pytest.mark.parametrize("text", ["import cv2", "from mediapipe.python import solutions", "import numpy as np"])
def test_a_vision_library_in_the_gateway_is_found(text: str) -> None:
    assert heavy_imports(example(text))


def test_the_running_gateway_holds_no_vision_library() -> None:
    assert loaded_by("import gateway.app, gateway.process") == set()


def test_a_loaded_vision_library_is_found() -> None:
    assert "cv2" in loaded_by("import cv2")


LIBRARY_MESSAGES = {f"contracts.messages.{name}" for name in ("library", "operate", "study")}
UNUSED = {*LIBRARY_MESSAGES, "numpy", "opentelemetry", "rich"}
UNUSED_IN_POOL = {*LIBRARY_MESSAGES, *VISION, "PIL", "opentelemetry", "rich"}
POOL_PROCESS = "import workers.__main__; from workers.pool import targets; targets"


@pytest.mark.parametrize(
    ("start", "unused", "most"),
    [
        (
            "import scripts.cli; sys.argv = ['a3cp', 'up']; scripts.cli.main()",
            {"contracts.messages", "httpx", "numpy", "opentelemetry", "redis", "rich", "valkey"}, 60,
        ),
        ("import gateway.__main__ as part; part.main()", {"PIL", "numpy", "opentelemetry", "rich", "simplejpeg"}, 10),
        ("import recorder.__main__ as part; part.main()", UNUSED, 10),
        ("import workers.__main__ as part; part.main()", UNUSED, 10),
        (f"{POOL_PROCESS}.extractor_process(None, None)", UNUSED_IN_POOL, 10),
        (f"{POOL_PROCESS}.live_process(None, None)", UNUSED_IN_POOL, 10),
    ],
    ids=["a3cp up", "gateway", "recorder", "workers", "extractor", "live worker"],
)  # fmt: skip
def test_no_process_loads_or_looks_through_more_than_it_needs_to_start(start: str, unused: set[str], most: int) -> None:
    """Each process starts, and ends at a wrong setting. It loads nothing that it may need later or never, and the
    collector of garbage runs ``most`` times, not up to 176 (`contracts.process.loading`)."""
    collections, loaded = started(start, unused)
    assert (loaded, collections <= most) == (set(), True), collections


def test_structlog_is_imported_in_one_place() -> None:
    findings = [finding for module in sources(*PACKAGES) for finding in loggers(module)]
    assert not findings, listed(findings)


@pytest.mark.parametrize("text", ["import structlog", "from structlog.contextvars import bind_contextvars"])
def test_another_import_of_structlog_is_found(text: str) -> None:
    assert loggers(example(text))


def test_names_are_imported_only_from_where_they_are_public() -> None:
    findings = [finding for module in sources(*PACKAGES) for finding in inner_names(module)]
    assert not findings, listed(findings)


@pytest.mark.parametrize(
    "text", ["from contracts.messages.capture import _Control", "from contracts.messages.capture import StrictModel"]
)
def test_a_name_that_is_not_public_is_found(text: str) -> None:
    assert inner_names(example(text))
