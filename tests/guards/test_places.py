"""What is known in one place only.

The environment is read once, into frozen settings, so a process has one answer to "what was I told"; names in Redis
are written once, so no two rooms disagree about a key; request bodies are read by one bounded reader, because the
framework's own readers hold as much as a client cares to send.
"""

from __future__ import annotations

import ast

import pytest

from tests.guards.sources import PACKAGES, ROOT, Source, example, listed, source, sources

READS_ENVIRONMENT = {
    "contracts/process/settings.py": "it is the one",
    "contracts/process/loading.py": "it sets a switch of pydantic, which has no other way in",
    "workers/vision/pipelines/lean.py": "it sets a switch of MediaPipe's OpenCV, which has no other way in",
    "scripts/build/uv_settings.py": "it keeps uv's own variables, before the project is installed",
}
ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv", "os.unsetenv"}


def environment_uses(module: Source) -> list[str]:
    """Reads and writes of the process's environment."""
    return [
        module.at(node, "the environment is read by contracts/process/settings.py alone; settings are passed down")
        for node in module.nodes
        if isinstance(node, ast.Name | ast.Attribute) and module.dotted(node) in ENVIRONMENT
    ]


def test_the_environment_is_read_in_one_place() -> None:
    modules = sources(*PACKAGES)
    findings = [
        finding for module in modules if module.path not in READS_ENVIRONMENT for finding in environment_uses(module)
    ]
    assert not findings, listed(findings)
    assert {module.path for module in modules if environment_uses(module)} == set(READS_ENVIRONMENT)


@pytest.mark.parametrize(
    "text",
    [
        "import os\nos.environ['APP_ENV']",
        "import os\nos.environ.get('APP_ENV')",
        "import os as system\nsystem.getenv('APP_ENV')",
        "from os import environ\nprint(environ)",
    ],
)
def test_a_read_of_the_environment_is_found(text: str) -> None:
    assert environment_uses(example(text))


KEY_PREFIX = "a3cp:"


def key_literals(module: Source) -> list[str]:
    """Spelled-out names in Redis."""
    return [
        module.at(node, f"{text!r} is a name in Redis; they are all in contracts/broker/keys.py")
        for node, text in module.strings
        if KEY_PREFIX in text
    ]


def test_names_in_redis_are_in_one_place() -> None:
    findings = [
        finding
        for module in sources(*PACKAGES)
        if module.path != "contracts/broker/keys.py"
        for finding in key_literals(module)
    ]
    assert not findings, listed(findings)
    assert key_literals(source("contracts/broker/keys.py"))


def test_programs_of_the_shell_know_no_name_in_redis() -> None:
    programs = [path for path in (ROOT / "scripts").iterdir() if path.is_file() and path.suffix in ("", ".sh")]
    assert programs
    assert [path.name for path in programs if KEY_PREFIX in path.read_text("utf-8")] == []


@pytest.mark.parametrize("text", ["key = 'a3cp:captures'", "key = f'a3cp:{capture_id}'"])
def test_a_spelled_name_in_redis_is_found(text: str) -> None:
    assert key_literals(example(text))


UNBOUNDED = {
    "form",
    "json",
    "body",
    "receive_json",
    "receive_text",
    "receive_bytes",
    "iter_json",
    "iter_text",
    "iter_bytes",
}


def unbounded_reads(module: Source) -> list[str]:
    """Uses of the framework's own readers of bodies and messages."""
    return [
        module.at(
            call, f".{call.func.attr}() takes what a client sends unasked; read it by gateway.http.requests.read_body"
        )
        for call, _ in module.calls
        if isinstance(call.func, ast.Attribute) and call.func.attr in UNBOUNDED
    ]


def test_the_gateway_reads_bodies_by_its_own_reader() -> None:
    findings = [finding for module in sources("gateway") for finding in unbounded_reads(module)]
    assert not findings, listed(findings)


@pytest.mark.parametrize(
    "text",
    ["request.form(max_files=1)", "websocket.receive_json()", "self._websocket.receive_text()", "request.json()"],
)
def test_a_reader_of_the_framework_is_found(text: str) -> None:
    assert unbounded_reads(example(text))
