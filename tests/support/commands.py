"""Run ``a3cp`` as a process without its start. What a start itself does is tested by starting it, in
`tests.scripts.test_cli`.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.fork_server import COMMANDS
from tests.support.prestarted import prestarted
from tests.support.waiting import DEADLINE_S

__all__ = ["run_forked"]


def run_forked(arguments: tuple[str, ...], cwd: Path, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run ``a3cp`` with these arguments; its output is read as UTF-8, with replacements."""
    with prestarted():
        return subprocess.run(
            [sys.executable, "-m", COMMANDS, *arguments],
            cwd=cwd, env=environ, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace",
            timeout=DEADLINE_S,
        )  # fmt: skip
