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
from array import array
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from contracts.rules.errors import MissingSessionPath, RecorderIOError, SessionLogLocked
from contracts.rules.ids import format_utc
from contracts.rules.paths import session_log_path
from contracts.state.events import LINE_EXTRA_BYTES, encode_line, is_by_client, split_line
from contracts.storage.files import sync_folder

__all__ = ["LogWriter"]

LOCK_WAIT_S = 0.25
"""How long one append waits for a log that another process has locked, before it lets other sessions go first."""

LOOK_S = 0.5
"""How long one append reads a log that it has not read yet, some 50 MB, before it lets other sessions go first."""

_LOCK_POLL_S = 0.002
_CHUNK_BYTES = 1 << 20
_MAX_REOPENS = 10
_KEY_BYTES = 8


class _Seen:
    """What has been read of one file: which file it is, how far, and where the line of each event begins.

    A user decides how many lines a log has, so a line takes 16 bytes here: eight of its event's digest and its offset.
    The line itself is read again for the rest.
    """

    def __init__(self, device: int, inode: int) -> None:
        self.device = device
        self.inode = inode
        self.offset = 0
        self.lines = 0
        # by the digest's first byte, so that a search looks at a 256th of the keys
        self._keys: defaultdict[int, bytearray] = defaultdict(bytearray)
        self._offsets: defaultdict[int, array[int]] = defaultdict(lambda: array("Q"))

    def add(self, line: bytes) -> int:
        """Take note of the line at ``offset``; returns by how many lines the index grew, 0 or 1."""
        known = self.lines
        if (parts := split_line(line)) is not None:
            digest = _digest(parts[1])
            self._keys[digest[0]] += digest[:_KEY_BYTES]
            self._offsets[digest[0]].append(self.offset)
            self.lines += 1
        self.offset += len(line)
        return self.lines - known

    def when(self, log: int, event: bytes, *, by_client: bool) -> str | None:
        """When this event was recorded first; None if it was not. A client's line does not count for an event of this
        system: a client that guesses its bytes must not keep it out of the log."""
        digest = _digest(event)
        keys, key = self._keys.get(digest[0], b""), digest[:_KEY_BYTES]
        at = keys.find(key)
        while at >= 0:
            if at % _KEY_BYTES == 0:
                read = os.pread(log, len(event) + LINE_EXTRA_BYTES, self._offsets[digest[0]][at // _KEY_BYTES])
                line = read.partition(b"\n")[0] + b"\n"
                parts = split_line(line)
                if parts is not None and parts[1] == event and (by_client or not is_by_client(line)):
                    return parts[0]
            at = keys.find(key, at + 1)
        return None


def _digest(event: bytes) -> bytes:
    return hashlib.sha256(event).digest()


class LogWriter:
    """Appends events to session logs below ``log_root``. Use from one thread at a time; several writers, in
    any number of processes, may share the files.

    Args:
        max_event_bytes: the longest line, newline included.
        fsync: whether a line must be on the disk before `append` returns.
        clock: the time, for ``recorded_at``.
        on_torn_tail: is given the log's path relative to ``log_root`` and the bytes of a last line without a
            newline, under the lock, and must put them in a safe place before it returns; they are cut off then. What
            it raises, `append` raises, and nothing was cut.
        on_line: is told the length in bytes of every line that was written.
        max_files, max_lines: of how many files, and of how many lines in all, the index is kept in memory; the file
            that is written to is always in it.
    """

    def __init__(
        self,
        log_root: Path,
        *,
        max_event_bytes: int,
        fsync: bool,
        clock: Callable[[], datetime],
        on_torn_tail: Callable[[str, bytes], None],
        on_line: Callable[[int], None] = lambda _: None,
        lock_wait_s: float = LOCK_WAIT_S,
        look_s: float = LOOK_S,
        max_files: int = 256,
        max_lines: int = 8_000_000,
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
        self._max_lines = max_lines
        self._index: OrderedDict[Path, _Seen] = OrderedDict()
        self._lines = 0  # of all files in the index

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
        if (recorded_at := seen.when(log, event, by_client=by_client)) is not None:
            if self._fsync:
                os.fsync(log)  # the process that wrote it may have died before its own fsync
            return recorded_at
        recorded_at = format_utc(self._clock())
        line = encode_line(event, recorded_at, self._max_event_bytes, by_client=by_client)
        self._write_line(log, path, line, seen.offset)
        self._lines += seen.add(line)
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
                self._lines += seen.add(line + b"\n")
            if lines and time.monotonic() >= until_s:
                raise SessionLogLocked("the session's log is long and is still being read")
        if tail:
            self._on_torn_tail(path.relative_to(self._log_root).as_posix(), tail)
            os.ftruncate(log, seen.offset)
        return seen

    def _seen(self, log: int, path: Path) -> _Seen:
        status = os.fstat(log)
        seen = self._index.pop(path, None)
        if seen is None or (seen.device, seen.inode) != (status.st_dev, status.st_ino) or seen.offset > status.st_size:
            self._lines -= seen.lines if seen else 0
            seen = _Seen(status.st_dev, status.st_ino)
        self._index[path] = seen
        while len(self._index) > 1 and (len(self._index) > self._max_files or self._lines > self._max_lines):
            _, dropped = self._index.popitem(last=False)
            self._lines -= dropped.lines
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
