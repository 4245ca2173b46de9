"""Find session logs, and read what was added to one since it was last read.

A log grows by whole lines. If another program replaced, shortened or rewrote it, it is read from the start again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from contracts.rules.ids import is_identifier
from contracts.rules.paths import session_log_dir, session_log_path, session_of_log, user_folders
from contracts.storage.files import open_regular
from contracts.storage.session_log import LogLine, judge_line

__all__ = [
    "LogAddition",
    "LogPosition",
    "SessionLog",
    "file_version",
    "find_log",
    "find_logs",
    "find_logs_of",
    "is_rewritten",
    "read_addition",
]

_CHUNK_BYTES = 1 << 20
_MARK_BYTES = 4096
_LONGEST_LINE = 65 * 1024 * 1024
"""No line is longer: ``MAX_EVENT_BYTES`` is at most 64 MiB. The rest of a longer one is skipped without being kept."""


@dataclass(frozen=True, slots=True)
class SessionLog:
    """A log that was found. ``version`` is its `file_version`."""

    user_id: str
    session_id: str
    path: str
    version: str


@dataclass(frozen=True, slots=True)
class LogPosition:
    """How far a log was read.

    Attributes:
        inode: which file it was.
        offset: how many of its bytes were read: whole lines.
        lines: how many lines these are.
        mark: a digest of the last of these bytes, to see if the file was rewritten in place.
        skips: whether they end inside a line that is too long to be read.
    """

    inode: int = 0
    offset: int = 0
    lines: int = 0
    mark: str = ""
    skips: bool = False


@dataclass(slots=True)
class LogAddition:
    """What `read_addition` read.

    Attributes:
        from_start: the file is not the one that was read before, or was rewritten: what was read before is void.
        lines: the lines, in order.
        position: how far the log is read now.
        more: whether there may be more lines to read now.
    """

    from_start: bool
    position: LogPosition
    lines: list[LogLine] = field(default_factory=list)
    more: bool = False


def find_logs(log_root: Path, on_error: Callable[[OSError], None]) -> Iterator[SessionLog]:
    """Yield every session log below ``log_root``, in no order. Other files are ignored.

    ``on_error`` is given the error of each folder and file that cannot be looked at: then a log that was not yielded
    may exist all the same.
    """
    for user in _entries(user_folders(log_root), on_error):
        if is_identifier(user.name):
            yield from find_logs_of(log_root, user.name, on_error)


def find_logs_of(log_root: Path, user_id: str, on_error: Callable[[OSError], None]) -> Iterator[SessionLog]:
    """`find_logs` for one user."""
    # os.scandir and texts, not Path: a pass over 10,000 logs takes 40 ms instead of 150
    for entry in _entries(session_log_dir(log_root, user_id), on_error):
        session_id = session_of_log(entry.name)
        if session_id is None:
            continue
        try:
            yield SessionLog(user_id, session_id, entry.path, file_version(entry.stat()))
        except FileNotFoundError:  # removed since, or a link to nothing
            continue
        except OSError as error:
            on_error(error)


def _entries(folder: Path, on_error: Callable[[OSError], None]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        on_error(error)
        return []


def find_log(log_root: Path, user_id: str, session_id: str) -> SessionLog | None:
    """One session's log; None if there is none.

    Raises:
        OSError: the system refuses to look.
        ValueError: an id is invalid.
    """
    path = session_log_path(log_root, user_id, session_id)
    with suppress(FileNotFoundError, NotADirectoryError):
        return SessionLog(user_id, session_id, str(path), file_version(path.stat()))
    return None


def is_rewritten(before: str, now: str) -> bool:
    """Whether a file of these two versions was changed in place: it has its size, and another time of change."""
    return before != now and before.rpartition("-")[0] == now.rpartition("-")[0]


def file_version(status: os.stat_result) -> str:
    """A text that changes with every change of a file: its inode, size and time of change."""
    return f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}"


def read_addition(log: Path, before: LogPosition, most_bytes: int) -> LogAddition:
    """Read the lines after ``before``, until ``most_bytes`` are read. A last line without a newline is left for later:
    the recorder completes it or removes it.

    Raises:
        OSError: the log cannot be read, or is no regular file.
    """
    with open_regular(log) as file:
        inode = os.fstat(file.fileno()).st_ino
        from_start = before.offset > 0 and not _is_same(file, inode, before)
        begin = LogPosition() if from_start else before
        addition = LogAddition(from_start, begin)
        offset, number, skips = begin.offset, begin.lines, begin.skips
        for line in _WholeLines(file, begin.offset, most_bytes, addition):
            offset += len(line)
            if skips or not line.endswith(b"\n"):  # a part of a line that is too long
                skips = not line.endswith(b"\n")
                if skips:
                    continue
                addition.lines.append(LogLine(number := number + 1, problem="the line is too long"))
            else:
                addition.lines.append(judge_line(number := number + 1, line))
        addition.position = LogPosition(inode, offset, number, _mark(file, offset), skips)
    return addition


class _WholeLines:
    """The whole lines of a file from an offset; also the parts of a line that is too long."""

    def __init__(self, file: BinaryIO, offset: int, most_bytes: int, addition: LogAddition) -> None:
        self._file = file
        self._offset = offset
        self._most_bytes = most_bytes
        self._addition = addition

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(self._offset)
        tail, read = b"", 0
        while chunk := self._file.read(_CHUNK_BYTES):
            read += len(chunk)
            *lines, tail = (tail + chunk).split(b"\n")
            yield from (line + b"\n" for line in lines)
            if len(tail) > _LONGEST_LINE:
                yield tail
                lines, tail = [tail], b""
            if lines and read >= self._most_bytes:
                self._addition.more = True
                return


def _is_same(file: BinaryIO, inode: int, before: LogPosition) -> bool:
    size = os.fstat(file.fileno()).st_size
    return inode == before.inode and size >= before.offset and _mark(file, before.offset) == before.mark


def _mark(file: BinaryIO, offset: int) -> str:
    begin = max(0, offset - _MARK_BYTES)
    return hashlib.sha256(os.pread(file.fileno(), offset - begin, begin)).hexdigest()[:32]
