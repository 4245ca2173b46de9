"""The only code that opens files under LOG_ROOT for writing. It blocks: call it in a thread.

One append is: open, ``flock`` the log itself, read what was appended since the last look, and write one line with
one ``write()`` unless the same event bytes are there already. So neither a redelivery, nor a second recorder, nor
one that was paused and wakes up, repeats a line or mixes its bytes with another's.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from contracts.rules.errors import MissingSessionPath, RecorderIOError, SessionLogLocked
from contracts.rules.ids import format_utc
from contracts.rules.paths import session_log_path
from contracts.state.events import encode_line, is_by_client, split_line
from contracts.storage.folder_sync import sync_folder

__all__ = ["LogWriter"]

LOCK_WAIT_S = 0.25
"""How long one append waits for a log that another process has locked, before it lets other sessions go first."""

LOOK_S = 0.5
"""How long one append reads a log that it has not read yet, some 50 MB, before it lets other sessions go first."""

_LOCK_POLL_S = 0.002
_CHUNK_BYTES = 1 << 20
_MAX_REOPENS = 10


@dataclass(slots=True)
class _Seen:
    """What has been read of one file: which file it is, how far, and when each event in it was recorded."""

    device: int
    inode: int
    offset: int = 0
    recorded: dict[bytes, str] = field(default_factory=dict)
    by_client: set[bytes] = field(default_factory=set)

    def add(self, line: bytes) -> None:
        """Take note of the line at ``offset``; of the same event twice, the first counts."""
        self.offset += len(line)
        if (parts := split_line(line)) is not None:
            recorded_at, event = parts
            digest = _digest(event)
            if is_by_client(line) and digest not in self.recorded:
                self.by_client.add(digest)
            elif not is_by_client(line):
                self.by_client.discard(digest)
            self.recorded.setdefault(digest, recorded_at)

    def when(self, event: bytes, *, by_client: bool) -> str | None:
        """When this event was recorded; None if it was not. A client's line does not count for an event of this system:
        a client that guesses its bytes must not keep it out of the log."""
        digest = _digest(event)
        return None if digest in self.by_client and not by_client else self.recorded.get(digest)


def _digest(event: bytes) -> bytes:
    return hashlib.sha256(event).digest()


class LogWriter:
    """Appends events to session logs below ``log_root``. Use from one thread at a time; several writers, in
    any number of processes, may share the files.

    Args:
        max_event_bytes: the longest line, newline included.
        fsync: whether a line must be on the disk before `append` returns.
        clock: the time, for ``recorded_at``.
        on_torn_tail: is given the path and the bytes of a last line without a newline, under the lock, and must
            put them in a safe place before it returns; they are cut off then. What it raises, `append` raises,
            and nothing was cut.
        on_line: is told the length in bytes of every line that was written.
        max_files: of how many files the index is kept in memory.
    """

    def __init__(
        self,
        log_root: Path,
        *,
        max_event_bytes: int,
        fsync: bool,
        clock: Callable[[], datetime],
        on_torn_tail: Callable[[Path, bytes], None],
        on_line: Callable[[int], None] = lambda _: None,
        lock_wait_s: float = LOCK_WAIT_S,
        look_s: float = LOOK_S,
        max_files: int = 256,
    ) -> None:
        self._log_root = log_root
        self._max_event_bytes = max_event_bytes
        self._fsync = fsync
        self._clock = clock
        self._on_torn_tail = on_torn_tail
        self._on_line = on_line
        self._lock_wait_s = lock_wait_s
        self._look_s = look_s
        self._max_files = max_files
        self._index: OrderedDict[Path, _Seen] = OrderedDict()

    def append(self, user_id: str, session_id: str, event: bytes, *, by_client: bool = False) -> str:
        """Append ``event``, JSON on one line, to its session's log; returns its ``recorded_at``.

        The same event bytes again write nothing and return the first ``recorded_at``. Creates the log if its
        directory exists, and never a directory. ``by_client`` is what the line says of the event's origin.

        Raises:
            EventTooLarge: the line would be too long; nothing was opened.
            MissingSessionPath: the session's directory does not exist.
            SessionLogLocked: another process holds the lock.
            RecorderIOError: the file system refused; no part of the line is in the file.
            ValueError: an id is none.
        """
        path = session_log_path(self._log_root, user_id, session_id)
        encode_line(event, format_utc(self._clock()), self._max_event_bytes, by_client=by_client)
        try:
            with self._locked(path) as log:
                return self._append_locked(log, path, event, by_client=by_client)
        except OSError as error:
            raise RecorderIOError(f"the session's log cannot be written: {error.strerror or error}") from error

    @contextmanager
    def _locked(self, path: Path) -> Iterator[int]:
        for _ in range(_MAX_REOPENS):
            log = _open(path)
            try:
                self._lock(log)
                if _is_at(log, path):
                    yield log
                    return
            finally:
                os.close(log)
        raise RecorderIOError("the session's log is replaced again and again")

    def _lock(self, log: int) -> None:
        # not a blocking flock: a thread that sits in one cannot be told to stop, and other sessions would wait
        deadline = time.monotonic() + self._lock_wait_s
        while True:
            try:
                return fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    raise SessionLogLocked("the session's log is locked by another process") from error
            time.sleep(_LOCK_POLL_S)

    def _append_locked(self, log: int, path: Path, event: bytes, *, by_client: bool) -> str:
        seen = self._look(log, path)
        if (recorded_at := seen.when(event, by_client=by_client)) is not None:
            if self._fsync:
                os.fsync(log)  # the process that wrote it may have died before its own fsync
            return recorded_at
        recorded_at = format_utc(self._clock())
        line = encode_line(event, recorded_at, self._max_event_bytes, by_client=by_client)
        self._write_line(log, path, line, seen.offset)
        seen.add(line)
        self._on_line(len(line))
        return recorded_at

    def _look(self, log: int, path: Path) -> _Seen:
        """The index of the file, up to date; a torn last line is moved out of it.

        Raises:
            SessionLogLocked: the file is so long that other sessions go first; the next look goes on from here.
        """
        seen = self._seen(log, path)
        tail = b""
        until_s = time.monotonic() + self._look_s
        while chunk := os.pread(log, _CHUNK_BYTES, seen.offset + len(tail)):
            *lines, tail = (tail + chunk).split(b"\n")
            for line in lines:
                seen.add(line + b"\n")
            if lines and time.monotonic() >= until_s:
                raise SessionLogLocked("the session's log is long and is still being read")
        if tail:
            self._on_torn_tail(path, tail)
            os.ftruncate(log, seen.offset)
        return seen

    def _seen(self, log: int, path: Path) -> _Seen:
        status = os.fstat(log)
        seen = self._index.pop(path, None)
        if seen is None or (seen.device, seen.inode) != (status.st_dev, status.st_ino) or seen.offset > status.st_size:
            seen = _Seen(status.st_dev, status.st_ino)
        self._index[path] = seen
        while len(self._index) > self._max_files:
            self._index.popitem(last=False)
        return seen

    def _write_line(self, log: int, path: Path, line: bytes, end: int) -> None:
        try:
            written = os.write(log, line)
            if written != len(line):
                raise OSError(errno.EIO, f"only {written} of {len(line)} bytes were taken")
            if self._fsync:
                os.fsync(log)
                if end == 0:
                    sync_folder(path.parent)
        except OSError:
            os.ftruncate(log, end)
            raise


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
    except FileNotFoundError as error:
        raise MissingSessionPath("the session's directory does not exist") from error


def _is_at(log: int, path: Path) -> bool:
    """Whether the open file is still the one at ``path``; between open and flock it may have been replaced."""
    try:
        return os.path.samestat(os.fstat(log), path.stat())
    except FileNotFoundError:
        return False
