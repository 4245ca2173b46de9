"""``a3cp up`` with any standard output: the stack serves, and a signal stops it, even if it cannot print."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from scripts.commands.up import Lines
from tests.contracts.process.test_line_writer import fill
from tests.scripts.stack.test_stack import ROOT, settings_in
from tests.support.waiting import PATIENT, wait_until

DEADLINE_S = 300.0
UP = [sys.executable, "-m", "scripts.cli", "up", "--live", "0"]


def ended(process: subprocess.Popen[bytes]) -> str:
    """How the process ended; empty while it runs."""
    return "" if process.poll() is None else f"exit code {process.returncode}"


def address_of(folder: Path, process: subprocess.Popen[bytes]) -> str:
    """Wait until the stack in this folder is ready; returns its address. Fails at once if its process ends."""
    note = folder / "state" / "stack.json"

    def ready() -> str:
        with suppress(OSError, ValueError, httpx.HTTPError):
            address = str(json.loads(note.read_text())["address"])
            if httpx.get(f"{address}/readyz", trust_env=False, verify=False, timeout=DEADLINE_S).status_code == 200:
                return address
        return ""

    return wait_until(ready, "the stack is ready", unless=lambda: ended(process))


@contextmanager
def standard_output(kind: str) -> Iterator[IO[bytes] | int]:
    """A standard output on which the stack cannot print."""
    if kind == "a full disk":
        with Path("/dev/full").open("wb") as full:
            yield full
        return
    readable, writable = os.pipe()
    if kind == "a pipe whose reader stands still":
        fill(writable)
    else:
        os.close(readable)
    try:
        yield writable
    finally:
        os.close(writable)
        if kind == "a pipe whose reader stands still":
            os.close(readable)


@pytest.mark.real
@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("a full disk", signal.SIGTERM),
        ("a pipe whose reader is gone", signal.SIGTERM),
        ("a pipe whose reader is gone", signal.SIGHUP),
        ("a pipe whose reader stands still", signal.SIGINT),
    ],
)
def test_a_stack_that_cannot_print_serves_and_stops_cleanly(tmp_path: Path, kind: str, number: signal.Signals) -> None:
    environ = settings_in(tmp_path).environ() | {"PYTHONPATH": str(ROOT)}
    with standard_output(kind) as out:
        process = subprocess.Popen(UP, env=environ, cwd=tmp_path, stdout=out, stderr=out)
    try:
        told_and_stopped(process, tmp_path, number)
    finally:
        process.kill()
        process.wait()


def told_and_stopped(process: subprocess.Popen[bytes], folder: Path, number: signal.Signals) -> None:
    """The signal ends the stack with 0, and closes an open capture with 1012."""
    socket = address_of(folder, process).replace("http", "ws") + "/camera_feed_worker/capture"
    with connect(socket, **PATIENT) as capture:
        process.send_signal(number)
        with pytest.raises(ConnectionClosed) as closed:
            capture.recv(DEADLINE_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert process.wait(300) == 0


@pytest.mark.real
@pytest.mark.parametrize(
    "environ",
    [
        {"PYTHONIOENCODING": "latin-1"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    ],
)
def test_a_stack_in_a_locale_without_the_ellipsis_stops_cleanly(tmp_path: Path, environ: dict[str, str]) -> None:
    folder = tmp_path / "ü[31m"
    folder.mkdir()
    settings = settings_in(folder).environ() | {"PYTHONPATH": str(ROOT)} | environ
    out = folder / "out"
    with out.open("wb") as file, subprocess.Popen(UP, env=settings, cwd=folder, stdout=file) as process:
        try:
            # the gateway is ready a moment before `up` prints so
            wait_until(lambda: b"a3cp is ready" in out.read_bytes(), "up is ready", unless=lambda: ended(process))
            told_and_stopped(process, folder, signal.SIGTERM)
        finally:
            process.kill()
    said = out.read_bytes()
    assert b"stopping" in said
    assert b"\x1b" not in said


def shown(*lines: str, terminal: bool, path: Path) -> str:
    class File:
        """Standard output, as a terminal or not."""

        encoding = "utf-8"

        def __init__(self, file: IO[str]) -> None:
            self.fileno = file.fileno

        def isatty(self) -> bool:
            return terminal

    with path.open("w") as file:
        writer = Lines(File(file))  # type: ignore[arg-type]
        for line in lines:
            writer("gateway", line)
        writer.flush()
    return path.read_text()


@pytest.mark.parametrize("terminal", [True, False])
def test_client_text_that_a_part_prints_does_not_steer_the_terminal(tmp_path: Path, terminal: bool) -> None:
    text = shown(
        json.dumps({"event": "refused", "intent": "\x1b[2J\u202e"}),
        "raw \x1b[31m",
        terminal=terminal,
        path=tmp_path / "out",
    )
    assert "\x1b[2J" not in text and "\x1b[31m" not in text and "\u202e" not in text
    assert "\\x1b[31m" in text
