"""Start processes of the pipeline without their start: most of the time of a stack that starts is Python's imports.

A server has loaded the modules of gateway, recorder, pool and worker. For each ``python -m gateway`` (or `MODULES`)
that a test starts, it forks. The child is the starter's own child, with the command's environment, folder, descriptors
and session, and runs the module as Python does. Nothing in it has run before the fork but imports. A pool begins as a
server of its workers: it forks what it would spawn, with MediaPipe's modules and no graph.

``/proc/PID/cmdline`` and ``environ`` are the server's, and memory is shared with it: what looks at those, and what is
about a start itself, starts processes for real.
"""

from __future__ import annotations

import atexit
import ctypes
import fcntl
import gc
import json
import os
import re
import runpy
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from multiprocessing import util
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from scripts.stack.supervision import _in_child
from workers.vision.pipelines.lean import _OPENCV_THREADS, load_mediapipe

__all__ = ["MODULES", "prestarted", "spawned"]

ROOT = Path(__file__).resolve().parents[2]
FAULTS = "tests.integration.faults"
POOLS = ("workers", f"{FAULTS}.parts", f"{FAULTS}.hostile_parts")
MODULES = ("gateway", "recorder", *POOLS)
_OF_PYTHON = re.compile(r"(LD|PYTHON|MALLOC|FAKETIME)\w*")
"""Variables that are read before a module runs."""

_LOADED = (
    "gateway.process", "gateway.pool", "recorder.__main__", "workers.__main__", "workers.extract.extractor",
    "workers.live.process", "workers.vision.pipelines.holistic", f"{FAULTS}.stand_in", "simplejpeg",
)  # fmt: skip

_SPAWNED = "spawn_main"
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_FIRST_FREE = 200
"""The numbers of descriptors from here on are free while a child arranges its own."""


@contextmanager
def prestarted() -> Iterator[None]:
    """While the block runs, `subprocess` and asyncio fork what they would start, if it is one of `MODULES`."""
    execute = subprocess._fork_exec  # type: ignore[attr-defined]

    def fork_or_execute(args: Sequence[Any], *rest: Any) -> int:
        asked = _asked(args, rest)
        return _server().fork(*asked) if asked is not None else execute(args, *rest)

    subprocess._fork_exec = fork_or_execute  # type: ignore[attr-defined]
    try:
        yield
    finally:
        subprocess._fork_exec = execute  # type: ignore[attr-defined]


class _Options(NamedTuple):
    """What `_posixsubprocess.fork_exec` is given after the command, in Python 3.11 and 3.12."""

    executables: Any
    close_fds: bool
    keep: Sequence[int]
    cwd: Any
    env: Sequence[bytes] | None
    stdin: int
    to_stdin: int
    from_stdout: int
    stdout: int
    from_stderr: int
    stderr: int
    from_errors: int
    errors: int
    restore_signals: bool
    session: bool
    group: int
    gid: int | None
    gids: Any
    uid: int | None
    umask: int
    before: Any
    vfork: bool


def _asked(args: Sequence[Any], rest: Sequence[Any]) -> tuple[dict[str, Any], list[int]] | None:
    """What the server must know and the descriptors that the child gets; None for any other command."""
    command = [os.fsdecode(part) for part in args if part != "-P"]
    if command[:2] != [sys.executable, "-m"] or command[2] not in MODULES:
        return None
    options = _Options(*rest)
    environ = _environ(options.env)
    supervised = getattr(options.before, "__qualname__", None) == "_in_child.<locals>.prepare"
    plain = (options.group, options.gid, options.gids, options.uid, options.umask) == (-1, None, None, None, -1)
    if not plain or not options.close_fds or (options.before and not supervised) or not _same_python(environ):
        return None
    standard = [number if fd == -1 else fd for number, fd in enumerate((options.stdin, options.stdout, options.stderr))]
    passed = [fd for fd in options.keep if fd != options.errors]
    asked = {
        "command": command[2:],
        "environ": environ,
        "cwd": os.fsdecode(options.cwd or Path.cwd()),
        "session": options.session,
        "supervised": supervised,
        "parent": os.getpid(),
        "blocked": [],
        "targets": [0, 1, 2, *passed],
    }
    return asked, [*standard, *passed]


def _environ(given: Sequence[bytes] | None) -> dict[str, str]:
    if given is None:
        return dict(os.environ)
    return dict(os.fsdecode(item).split("=", 1) for item in given)


def _same_python(environ: Mapping[str, str]) -> bool:
    """Whether a Python of this environment would be what the server is: other code, or a library that it preloads, is
    in nothing that was loaded before."""
    here, there = (
        {name: value for name, value in variables.items() if _OF_PYTHON.fullmatch(name)}
        for variables in (os.environ, environ)
    )
    path = there.get("PYTHONPATH", "")
    if path.split(":")[0] == str(ROOT):
        there.pop("PYTHONPATH")
        here.pop("PYTHONPATH", None)
    return here == there


def spawned(pool: int) -> list[int]:
    """The processes that a pool of this id has spawned, or that were forked in their place."""
    children = Path(f"/proc/{pool}/task/{pool}/children").read_text().split()
    return [int(pid) for pid in children if _is_spawned(Path("/proc", pid))]


def _is_spawned(process: Path) -> bool:
    with suppress(OSError):  # it has ended
        return _SPAWNED in (process / "cmdline").read_text() + (process / "comm").read_text()
    return False


class _Server:
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


@cache
def _server() -> _Server:
    """The server of this process, which ends with it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "tests.support.prestarted", str(theirs.fileno())]
    process = subprocess.Popen(
        command, cwd=ROOT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return _Server(ours)


# --- in the server -------------------------------------------------------------------------------------


def _load() -> None:
    """Load what the processes load. Their main modules run in the child."""
    load_mediapipe()
    for module in _LOADED:
        import_module(module)
    for package in ("recorder", "workers"):
        del sys.modules[f"{package}.__main__"]


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


def _spawn_from_here() -> None:
    """Fork what this process spawns from a child as it is now."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        ours.close()
        for number in range(3):  # what reads this process's output waits for its end alone
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
        _become_spawned(*_serve(theirs))
    theirs.close()
    server = _Server(ours)

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


def _become_spawned(asked: Mapping[str, Any], descriptors: Sequence[int]) -> NoReturn:
    """Be the process that `multiprocessing` would have started."""
    _become(asked, descriptors)
    option, code, *arguments = asked["command"]
    if _SPAWNED in code:
        ctypes.CDLL(None).prctl(_PR_SET_NAME, _SPAWNED.encode(), 0, 0, 0)
        os.environ.setdefault(_OPENCV_THREADS, "1")  # MediaPipe is loaded; its OpenCV reads this when it first has work
    sys.argv = [option, *arguments]
    exec(code, {"__name__": "__main__"})
    sys.exit()


if __name__ == "__main__":
    _load()
    gc.freeze()
    what, files = _serve(socket.socket(fileno=int(sys.argv[1])))
    _become(what, files)
    sys.argv = what["command"]
    if sys.argv[0] in POOLS:
        _spawn_from_here()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
