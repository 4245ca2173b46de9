"""A process writes no core file and ends with one line instead of a traceback."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAD = """
import resource, sys
from contracts.process.run import run_process
from contracts.rules.errors import *
def main():
"""


def ending(body: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a process of its own with this ``main``."""
    program = f"{HEAD}    {body}\nsys.exit(run_process('part', main))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_a_process_exits_with_what_its_main_returned() -> None:
    assert ending("return 0") == (0, "", "")
    assert ending("return 7")[0] == 7


def test_what_was_imported_is_not_looked_through_for_garbage() -> None:
    assert ending("import gc; print(gc.get_freeze_count() > len(sys.modules)); return 0")[1] == "True\n"


def test_no_process_leaves_a_core_file() -> None:
    assert ending("print(resource.getrlimit(resource.RLIMIT_CORE)); return 0")[1] in ("(0, 0)\n", "(0, 1)\n")


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        ("ConfigurationError('A3CP_PORT: not a number')", 2, "a3cp part: A3CP_PORT: not a number\n"),
        (
            "BrokerMisconfigured('frames', 'appendonly is on', 'CONFIG SET appendonly no')", 3,
            "a3cp part: the frames broker is refused: appendonly is on; fix it with: CONFIG SET appendonly no\n",
        ),
    ],
)  # fmt: skip
def test_a_fatal_error_is_one_line_and_its_exit_code(error: str, code: int, line: str) -> None:
    assert ending(f"raise {error}") == (code, "", line)


def test_of_tasks_that_failed_together_the_fatal_error_is_reported() -> None:
    together = "ExceptionGroup('tasks', [ValueError(), ExceptionGroup('more', [ConfigurationError('A3CP_PORT: no')])])"
    assert ending(f"raise {together}") == (2, "", "a3cp part: A3CP_PORT: no\n")


def test_ctrl_c_is_130_without_a_word() -> None:
    assert ending("raise KeyboardInterrupt") == (130, "", "")


def test_an_unexpected_error_is_logged_by_type_and_place_without_its_text() -> None:
    code, _, stderr = ending("raise ValueError('bytes of an image')")
    assert code == 1
    [line] = stderr.splitlines()
    log = json.loads(line)
    assert (log["event"], log["error"], log["process"], log["level"]) == (
        "process failed",
        "ValueError",
        "part",
        "error",
    )
    assert "image" not in line


def test_the_text_of_a_project_s_error_is_in_its_log_line() -> None:
    code, _, stderr = ending("raise BrokerUnavailable('frames', 'connection refused')")
    assert code == 1
    assert json.loads(stderr)["detail"] == "the frames broker does not answer: connection refused"
