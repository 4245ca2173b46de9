"""A process that is forked is the one that Python would have started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.prestarted import ROOT, prestarted
from tests.support.waiting import DEADLINE_S

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
    [("gateway", "--processes", "0"), ("gateway", "--no-such"), ("recorder",), ("workers", "--help")],
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
            assert b"tests.support.prestarted" in Path(f"/proc/{process.pid}/cmdline").read_bytes()
            assert os.getsid(process.pid) == process.pid
            assert Path(f"/proc/{process.pid}/cwd").readlink() == tmp_path
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE_S) == 0
        finally:
            process.kill()


@pytest.mark.parametrize("environ", [{"PYTHONPATH": "/another/tree"}, {"LD_PRELOAD": ""}, {"PYTHONOPTIMIZE": "1"}])
def test_what_would_run_other_code_is_started(environ: dict[str, str], tmp_path: Path) -> None:
    with prestarted():
        process = subprocess.Popen(
            [sys.executable, "-m", "workers", "--help"],
            cwd=ROOT, env={**os.environ, **environ}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
    with process:
        assert b"tests.support.prestarted" not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
