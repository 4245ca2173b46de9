"""Start processes of the pipeline without their start: most of the time of a stack that starts is Python's imports.

A server has loaded the modules of gateway, recorder, pool, worker and ``a3cp``. For each ``python -m gateway`` (or
`MODULES`) that a test starts, it forks. The child is the starter's own child, with the command's environment, folder,
descriptors and session, and runs the module as Python does. Nothing in it has run before the fork but imports. A pool
begins as a server of its workers: it forks what it would spawn, with MediaPipe's modules and no graph. So does
``a3cp up`` for its parts. A copy of the packages with an edit, which a command has first in its PYTHONPATH, gets a
server of its own, without ``a3cp``.

``/proc/PID/cmdline`` and ``environ`` are the server's, and memory is shared with it: what looks at those, and what is
about a start itself, starts processes for real.
"""

from __future__ import annotations

import atexit
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.fork_server import COMMANDS, POOLS, SPAWNED, ForkServer

__all__ = ["MODULES", "prestarted", "spawned", "use"]

ROOT = Path(__file__).resolve().parents[2]
MODULES = ("gateway", "recorder", COMMANDS, *POOLS)
_OF_PYTHON = re.compile(r"(LD|LC|PYTHON|MALLOC|FAKETIME)\w*|LANG")
"""Variables that are read before a module runs."""


@contextmanager
def prestarted() -> Iterator[None]:
    """While the block runs, `subprocess` and asyncio fork what they would start, if it is one of `MODULES`."""
    execute = subprocess._fork_exec  # type: ignore[attr-defined]

    def fork_or_execute(args: Sequence[Any], *rest: Any) -> int:
        asked = _asked(args, rest)
        if asked is None:
            return int(execute(args, *rest))
        path, what, descriptors = asked
        return _server_of(path).fork(what, descriptors)

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


def _asked(args: Sequence[Any], rest: Sequence[Any]) -> tuple[str, dict[str, Any], list[int]] | None:
    """The server's PYTHONPATH, what it must know, and the child's descriptors; None for any other command."""
    command = [os.fsdecode(part) for part in args if part != "-P"]
    if command[:2] != [sys.executable, "-m"] or command[2] not in MODULES:
        return None
    options = _Options(*rest)
    environ = _environ(options.env)
    supervised = getattr(options.before, "__qualname__", None) == "_in_child.<locals>.prepare"
    plain = (options.group, options.gid, options.gids, options.uid, options.umask) == (-1, None, None, None, -1)
    path = _python_path(environ)
    if not plain or not options.close_fds or (options.before and not supervised) or path is None:
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
    return path, asked, [*standard, *passed]


def _environ(given: Sequence[bytes] | None) -> dict[str, str]:
    if given is None:
        return dict(os.environ)
    return dict(os.fsdecode(item).split("=", 1) for item in given)


def _python_path(environ: Mapping[str, str]) -> str | None:
    """The PYTHONPATH of the server that is what a Python of this environment would be: this repository, or a copy of
    its packages before it. None if there is no such server: other code, or a library that Python preloads, is in
    nothing that was loaded before."""
    here, there = (
        {name: value for name, value in variables.items() if _OF_PYTHON.fullmatch(name)}
        for variables in (os.environ, environ)
    )
    first, *others = there.get("PYTHONPATH", "").split(":")
    if str(ROOT) in (first, *others[:1]):
        there.pop("PYTHONPATH")
        here.pop("PYTHONPATH", None)
    if here != there:
        return None
    return str(ROOT) if str(ROOT) not in others[:1] else f"{first}:{ROOT}"


def spawned(pool: int) -> list[int]:
    """The processes that a pool of this id has spawned, or that were forked in their place."""
    children = Path(f"/proc/{pool}/task/{pool}/children").read_text().split()
    return [int(pid) for pid in children if _is_spawned(Path("/proc", pid))]


def _is_spawned(process: Path) -> bool:
    with suppress(OSError):  # it has ended
        return SPAWNED in (process / "cmdline").read_text() + (process / "comm").read_text()
    return False


_servers: dict[str, tuple[ForkServer, Callable[[], None]]] = {}
"""The servers of this process, with what ends each, by their PYTHONPATH: that of this repository, and one of a copy."""


def use(server: ForkServer) -> None:
    """Let this server fork what this process starts, to its end."""
    _servers[str(ROOT)] = server, lambda: None
    _to_the_end.enter_context(prestarted())


_to_the_end = ExitStack()


def _server_of(path: str) -> ForkServer:
    if path not in _servers:
        for other in [other for other in _servers if other != str(ROOT)]:
            _servers.pop(other)[1]()
        _servers[path] = _start(path)
    return _servers[path][0]


@atexit.register
def _end_all() -> None:
    for _, end in _servers.values():
        end()


def _start(path: str) -> tuple[ForkServer, Callable[[], None]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    commands = ["commands"] if path == str(ROOT) else []
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "tests.support.fork_server", str(theirs.fileno()), *commands],
        env={**os.environ, "PYTHONPATH": path},
        cwd=ROOT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    return ForkServer(ours), end
