"""The process that has loaded the modules of the pipeline, and forks for each request: see `tests.support.prestarted`.

A child runs its module as Python does, and ends as Python does: its threads, then what is registered for its end. What
comes after that, to take all modules apart, is left out. It would copy most of the memory that the child shares.
"""

from __future__ import annotations

import atexit
import ctypes
import fcntl
import gc
import json
import os
import runpy
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from multiprocessing import util
from pathlib import Path
from typing import Any, NoReturn, TextIO

from scripts.stack.supervision import _in_child
from workers.vision.pipelines.lean import _OPENCV_THREADS, load_mediapipe

__all__ = ["COMMANDS", "POOLS", "SPAWNED", "ForkServer"]

FAULTS = "tests.integration.faults"
POOLS = ("workers", f"{FAULTS}.parts", f"{FAULTS}.hostile_parts")
"""Modules that run a pool."""

COMMANDS = "scripts.cli"
"""What ``a3cp`` is. Its parts are forked too."""

SPAWNED = "spawn_main"
"""What the command of a process that a pool spawns has in it; the name of one that was forked."""

_LOADED = (
    "gateway.process", "gateway.pool", "recorder.__main__", "workers.__main__", "workers.extract.extractor",
    "workers.live.process", "workers.vision.pipelines.holistic", f"{FAULTS}.stand_in", "simplejpeg",
)  # fmt: skip

_LOADED_FOR_COMMANDS = (
    COMMANDS, "scripts.exports.command", "scripts.terminal",
    *(f"scripts.commands.{name}" for name in ("demo", "doctor", "ingest", "inspect", "up", "verify")),
)  # fmt: skip

_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_FIRST_FREE = 200
"""The numbers of descriptors from here on are free while a child arranges its own."""


class ForkServer:
    """The way to a process that forks."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._lock = threading.Lock()
        assert channel.recv(1) == b"1", "the server did not start"

    def fork(self, asked: Mapping[str, Any], descriptors: Sequence[int]) -> int:
        """Start a process; returns its id. It is a child of this process."""
        prctl = ctypes.CDLL(None).prctl
        with self._lock:
            prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # the server's grandchild, whose parent ends, becomes our child
            try:
                socket.send_fds(self._channel, [json.dumps(asked).encode()], descriptors)
                return int(self._channel.recv(64))
            finally:
                prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


# --- in the server and its children -----------------------------------------------------------------------------------


def _load(*, commands: bool) -> None:
    """Load what the processes load. Their main modules run in the child."""
    load_mediapipe()
    for module in _LOADED + _LOADED_FOR_COMMANDS * commands:
        import_module(module)
    for module in ("recorder.__main__", "workers.__main__", COMMANDS):
        sys.modules.pop(module, None)


def _serve(channel: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Fork for each request; returns only in a child, what it is asked to be."""
    channel.send(b"1")
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, 1 << 20, 64)
        if not message:
            os._exit(0)
        told, tell = os.pipe()
        go, gone = os.pipe()
        if (between := os.fork()) == 0:
            if (child := os.fork()) != 0:
                os.write(tell, str(child).encode())
                os._exit(0)
            channel.detach()
            os.close(gone)
            os.read(go, 1)  # until the starter is the parent
            return json.loads(message), descriptors
        os.waitpid(between, 0)
        for descriptor in (tell, go, gone, *descriptors):
            os.close(descriptor)
        with os.fdopen(told, "rb") as pid:  # read to its end: until the child is all that it is to be
            channel.send(pid.read())


def _become(asked: Mapping[str, Any], descriptors: Sequence[int]) -> None:
    """Be the process: its descriptors and no others, its environment and folder."""
    given = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, _FIRST_FREE) for descriptor in descriptors]
    for descriptor, target in zip(given, asked["targets"], strict=True):
        os.dup2(descriptor, target)
        os.close(descriptor)
    sys.stdin, sys.stdout, sys.stderr = map(_standard_stream, (sys.stdin, sys.stdout, sys.stderr), range(3))
    if asked["session"]:
        os.setsid()
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["environ"])
    if asked["supervised"]:
        _in_child(asked["parent"])()
    signal.pthread_sigmask(signal.SIG_SETMASK, asked["blocked"])
    for number in set(range(3, _FIRST_FREE)) - set(asked["targets"]):
        with suppress(OSError):
            os.close(number)


def _standard_stream(before: Any, number: int) -> TextIO:
    """A standard stream of the descriptor as it is now: a pipe cannot be sought, a terminal shows each line."""
    return open(
        number, "r" if number == 0 else "w",
        buffering=1 if number == 2 or os.isatty(number) else -1,
        encoding=before.encoding, errors=before.errors, closefd=False,
    )  # fmt: skip


def _server_from_here(be: Callable[[dict[str, Any], list[int]], NoReturn]) -> ForkServer:
    """Make a child that is as this process is now and forks for it; ``be`` is what its children do."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        ours.close()
        for number in range(3):  # what reads this process's output waits for its end alone
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
        be(*_serve(theirs))
    theirs.close()
    return ForkServer(ours)


def _be_module(asked: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """Be ``python -m MODULE …``."""
    _become(asked, descriptors)
    sys.argv = asked["command"]
    if sys.argv[0] in POOLS:
        _spawn_from_here()
    if sys.argv[0] == COMMANDS:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may have been started by ``nohup``
    if sys.argv[:2] == [COMMANDS, "up"]:
        _fork_parts_from_here()
    _run_and_end(partial(runpy.run_module, sys.argv[0], run_name="__main__", alter_sys=True))


def _fork_parts_from_here() -> None:
    """Fork the parts of a stack that this process starts from a child as it is now."""
    from tests.support import prestarted  # it imports this module

    prestarted.use(_server_from_here(_be_module))


def _spawn_from_here() -> None:
    """Fork what this process spawns from a child as it is now."""
    server = _server_from_here(_be_spawned)

    def fork(_path: Any, args: Sequence[Any], passed: Sequence[int]) -> int:
        """Fork a worker, or the tracker of the pool's resources. Both are commands: ``python -c CODE …``."""
        asked = {
            "command": args[args.index("-c") :],
            "environ": dict(os.environ),
            "cwd": str(Path.cwd()),
            "session": False,
            "supervised": False,
            "blocked": [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())],
            "targets": [0, 1, 2, *passed],
        }
        return server.fork(asked, [0, 1, 2, *passed])

    util.spawnv_passfds = fork  # type: ignore[assignment]


def _be_spawned(asked: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """Be the process that `multiprocessing` would have started."""
    _become(asked, descriptors)
    option, code, *arguments = asked["command"]
    if SPAWNED in code:
        ctypes.CDLL(None).prctl(_PR_SET_NAME, SPAWNED.encode(), 0, 0, 0)
        os.environ.setdefault(_OPENCV_THREADS, "1")  # MediaPipe is loaded; its OpenCV reads this when it first has work
    sys.argv = [option, *arguments]
    _run_and_end(partial(exec, code, {"__name__": "__main__"}))


def _run_and_end(program: Callable[[], object]) -> NoReturn:
    """Run the program to its end, and end the process."""
    code: Any = 0
    try:
        program()
    except SystemExit as end:
        code = end.code or 0
        if not isinstance(code, int):
            print(code, file=sys.stderr)
            code = 1
    except Exception:
        sys.excepthook(*sys.exc_info())
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    _load(commands="commands" in sys.argv[2:])
    gc.freeze()
    _be_module(*_serve(socket.socket(fileno=int(sys.argv[1]))))
