"""A process that is forked is the one that Python would have started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import pytest

from tests.conftest import BrokerPair, start_pair
from tests.support.gateway import environment
from tests.support.prestarted import ROOT, prestarted, spawned
from tests.support.waiting import DEADLINE_S, wait_until

NOWHERE = {"A3CP_FRAMES_URL": "unix:///nowhere/frames.sock", "A3CP_EVENTS_URL": "unix:///nowhere/events.sock"}


def run(folder: Path, *command: str, **environ: str) -> tuple[int, str, str]:
    """How a module of the project ends, in ``folder``: its exit code and its two outputs."""
    process = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    return process.returncode, process.stdout, process.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("gateway", "--processes", "0"),
        ("gateway", "--no-such"),
        ("recorder",),
        ("workers", "--help"),
        ("scripts.cli", "verify", "no file"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize(
    "urls", [{}, {"A3CP_FRAMES_URL": "no URL", "A3CP_EVENTS_URL": "no URL"}], ids=["none", "wrong"]
)
def test_it_ends_with_the_same_code_and_says_the_same(
    command: tuple[str, ...], urls: dict[str, str], tmp_path: Path
) -> None:
    started = run(tmp_path, *command, **urls)
    with prestarted():
        assert run(tmp_path, *command, **urls) == started


def test_it_is_this_process_s_child_with_its_session_and_ends_by_a_signal(tmp_path: Path) -> None:
    with prestarted():
        process = subprocess.Popen(
            [sys.executable, "-m", "recorder"],
            cwd=tmp_path, env={**os.environ, **NOWHERE}, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
    assert process.stderr is not None
    with process:
        try:
            assert b"broker" in process.stderr.readline()
            assert b"tests.support.fork_server" in Path(f"/proc/{process.pid}/cmdline").read_bytes()
            assert os.getsid(process.pid) == process.pid
            assert Path(f"/proc/{process.pid}/cwd").readlink() == tmp_path
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE_S) == 0
        finally:
            process.kill()


@pytest.mark.parametrize(
    "environ", [{"PYTHONPATH": "/another/tree"}, {"LD_PRELOAD": ""}, {"PYTHONOPTIMIZE": "1"}, {"LC_ALL": "C"}]
)
def test_what_would_run_other_code_is_started(environ: dict[str, str], tmp_path: Path) -> None:
    with prestarted():
        process = subprocess.Popen(
            [sys.executable, "-m", "workers", "--help"],
            cwd=ROOT, env={**os.environ, **environ}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
    with process:
        assert b"tests.support.fork_server" not in Path(f"/proc/{process.pid}/cmdline").read_bytes()


@pytest.fixture(scope="module")
def pair() -> Iterator[BrokerPair]:
    yield from start_pair("valkey")


@contextmanager
def pool(folder: Path, pair: BrokerPair, *, forked: bool) -> Iterator[subprocess.Popen[bytes]]:
    """A pool of one extractor that is ready."""
    with prestarted() if forked else nullcontext():
        process = subprocess.Popen(
            [sys.executable, "-m", "workers", "--lane", "capture"],
            cwd=ROOT, env=environment(folder, pair), stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
    with process:
        try:
            assert process.stderr is not None
            assert any(b"extractor ready" in line for line in process.stderr)
            yield process
        finally:
            process.kill()


def state_of(pid: int) -> dict[str, object]:
    """What a process inherits or sets at its start."""
    lines = [line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    found: dict[str, object] = {name: value for name, value in lines if name in ("SigBlk", "SigIgn", "SigCgt", "Umask")}
    opened = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it still opens and closes files and connections
            opened.append(str(descriptor.readlink()).split(":")[0])
    return found | {"pipes": opened.count("pipe")}


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture(scope="module")
def started(pair: BrokerPair, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """The state of a worker that was really spawned."""
    with pool(tmp_path_factory.mktemp("started"), pair, forked=False) as process:
        (worker,) = spawned(process.pid)
        return state_of(worker)


@pytest.mark.real
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_pool_s_worker_is_forked_as_it_would_be_spawned_and_ends_with_it(
    pair: BrokerPair, started: dict[str, object], tmp_path: Path, number: signal.Signals
) -> None:
    with pool(tmp_path, pair, forked=True) as process:
        (worker,) = spawned(process.pid)
        assert b"tests.support.fork_server" in Path(f"/proc/{worker}/cmdline").read_bytes()
        assert (state_of(worker), os.getsid(worker)) == (started, process.pid)
        family = children(process.pid)
        process.send_signal(number)
        assert process.wait(DEADLINE_S) == (0 if number == signal.SIGTERM else -number)
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in family), "all of the pool have ended")
