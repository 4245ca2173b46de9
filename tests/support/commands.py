"""Run ``a3cp`` as a process without its start: most of the time of a short command is Python's imports.

A server has imported the commands and forks for each call, so a command is a process with its own environment, folder,
output and exit code as ever. What a start itself does is tested by starting it: `tests.scripts.test_cli`.
"""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["run_forked"]

ROOT = Path(__file__).resolve().parents[2]
SERVER = """
import gc, json, os, sys
import gateway.process, gateway.pool
import recorder.__main__, workers.__main__, scripts.cli, scripts.exports.command, scripts.terminal
import scripts.commands.demo, scripts.commands.doctor, scripts.commands.ingest, scripts.commands.inspect
import scripts.commands.up, scripts.commands.verify
from tests.support.fork_server import run_and_end

gc.freeze()  # a child that ends would go through all modules, which takes as long as to import them
for line in sys.stdin:
    asked = json.loads(line)
    if child := os.fork():
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        continue
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["environ"])
    for number, name in enumerate((os.devnull, asked["stdout"], asked["stderr"])):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT), number)
    sys.argv = ["a3cp", *asked["arguments"]]
    break  # the child goes on, and ends as a3cp does
else:
    sys.exit()
run_and_end(scripts.cli.main)
"""


def run_forked(arguments: tuple[str, ...], cwd: Path, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run ``a3cp`` with these arguments; its output is read as UTF-8, with replacements."""
    server = _server()
    assert server.stdin is not None and server.stdout is not None
    with TemporaryDirectory() as folder:
        out, err = Path(folder, "stdout"), Path(folder, "stderr")
        asked = {"arguments": arguments, "cwd": str(cwd), "environ": dict(environ)}
        server.stdin.write(json.dumps({**asked, "stdout": str(out), "stderr": str(err)}) + "\n")
        server.stdin.flush()
        code = int(server.stdout.readline())
        said = [path.read_text("utf-8", errors="replace") for path in (out, err)]
    return subprocess.CompletedProcess(arguments, code, *said)


@cache
def _server() -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SERVER]
    server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(server.communicate)  # closes its input, and waits
    return server
