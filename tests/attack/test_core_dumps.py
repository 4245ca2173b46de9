"""A crash writes no memory, and so no picture and no secret, to a disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.stack.supervision import CORE_LIMIT_BYTES

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="prctl and /proc are Linux's")

OURS = """
import ctypes, os, resource, signal, subprocess, sys
from contracts.process.run import run_process
def main():
"""
CRASH = "os.kill(os.getpid(), signal.SIGSEGV); signal.pause()"


def status_of(program: str, folder: Path, core_limit: int) -> int:
    """The wait status of a Python process that began with this limit, in ``folder``."""
    prepared = f"import resource; resource.setrlimit(resource.RLIMIT_CORE, ({core_limit}, {core_limit}))\n"
    process = subprocess.Popen([sys.executable, "-c", prepared + program], cwd=folder, env=os.environ | FROM_HERE)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = 0
    return status


FROM_HERE = {"PYTHONPATH": str(Path(__file__).parents[2])}


def program(body: str) -> str:
    return f"{OURS}    {body}\nsys.exit(run_process('part', main))"


@pytest.mark.parametrize(
    ("program", "core_limit"),
    [
        (program(CRASH), -1),
        (f"import os, signal\n{CRASH}", CORE_LIMIT_BYTES),  # an embedded broker is protected by its limit alone
    ],
    ids=["ours", "a broker"],
)
def test_a_process_that_crashes_is_not_dumped(program: str, core_limit: int, tmp_path: Path) -> None:
    status = status_of(program, tmp_path, core_limit)
    assert os.WTERMSIG(status) == signal.SIGSEGV
    assert not os.WCOREDUMP(status)
    assert not list(tmp_path.iterdir())


def test_no_process_of_the_stack_can_be_dumped_or_read_by_others() -> None:
    done = subprocess.run(
        [sys.executable, "-c", program("print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)); return 0")],  # PR_GET_DUMPABLE
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    assert done.stdout == "0\n"


def test_a_process_of_the_stack_can_read_its_own_proc_and_start_children() -> None:
    child = "subprocess.run([sys.executable, '-c', 'raise SystemExit(5)']).returncode"
    done = subprocess.run(
        [sys.executable, "-c", program(f"assert os.listdir('/proc/self/fd'); return {child}")],
        timeout=300,
        check=False,
    )
    assert done.returncode == 5
