"""Change the file that ``A3CP_ACCESS_FILE`` names: one table of its text, and nothing else.

A change is one new file in the place of the old one, so a reader has the whole old one or the whole new one. Two
commands at a time wait for each other. Comments in the file stay.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from contracts.process.access_file import MOST_FILE_BYTES, AccessFile, read_access, read_access_text
from contracts.process.settings import Settings
from contracts.rules.errors import A3CPError, ConfigurationError
from contracts.rules.rights import AccessEntry

__all__ = ["AccessError", "LockedFile", "access_path", "changing", "with_signed_in", "without_table"]


class AccessError(A3CPError):
    """The access file cannot be changed as asked. The text is one line."""


def access_path(settings: Settings) -> Path:
    if settings.access_file is None:
        raise ConfigurationError("A3CP_ACCESS_FILE is not set; set it to the file's path, here and for the gateway")
    return settings.access_file


def without_table(text: str, name: str) -> str:
    """The text without the table of an entry. What is above the next table's head, such as a comment on it, stays."""
    lines = text.splitlines(keepends=True)
    begin, end = _table_at(lines, name)
    if begin == end:
        return text
    while end > begin + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    rest = lines[end:]
    while rest and not rest[0].strip() and (begin == 0 or not lines[begin - 1].strip()):
        rest = rest[1:]
    return "".join(lines[:begin] + rest)


def _table_at(lines: Sequence[str], name: str) -> tuple[int, int]:
    """From which line on an entry has its table, and the line after it; twice the same if there is none."""
    heads = [number for number, line in enumerate(lines) if line.lstrip().startswith("[")]
    begin = next((at for at in heads if lines[at].split("#")[0].strip()[1:-1].strip().strip("\"'") == name), len(lines))
    return begin, next((at for at in heads if at > begin), len(lines))


def with_signed_in(text: str, name: str, hashes: Sequence[str]) -> str:
    """The text in which an entry's table has these hashes of tokens of devices, in one line after that of its token."""
    lines = text.splitlines(keepends=True)
    begin, end = _table_at(lines, name)
    quoted = ", ".join(f'"{each}"' for each in hashes)
    line = f"signed_in = [{quoted}]\n"
    for at in range(begin, end):
        if lines[at].lstrip().startswith("signed_in"):
            return "".join([*lines[:at], line, *lines[at + 1 :]])
    at = next((at for at in range(begin, end) if lines[at].lstrip().startswith("token")), end - 1)
    last = lines[at] if lines[at].endswith("\n") else lines[at] + "\n"
    return "".join([*lines[:at], last, line, *lines[at + 1 :]])


class LockedFile:
    """The access file while no other command changes it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def text(self) -> str:
        return read_access_text(self._path)

    def entries(self) -> tuple[AccessEntry, ...]:
        return AccessFile(self._path).entries()

    def replace(self, text: str, expected: Sequence[AccessEntry]) -> None:
        """Put a file with this text in the place of the old one, if its entries are those that are expected."""
        entries, mistakes = read_access(text)
        if mistakes or set(entries) != set(expected):
            raise AccessError(f"cannot change {self._path} without touching another entry; edit it by hand")
        if len(text.encode()) > MOST_FILE_BYTES:
            raise AccessError(f"{self._path} would be longer than {MOST_FILE_BYTES:,} bytes; revoke what is not used")
        old = self._path.stat()
        with NamedTemporaryFile("w", dir=self._path.parent, prefix=f".{self._path.name}-", delete=False) as new:
            try:
                new.write(text)
                new.flush()
                os.fsync(new.fileno())
                _as_before(new.fileno(), old)
                Path(new.name).replace(self._path)
            except BaseException:
                Path(new.name).unlink(missing_ok=True)
                raise


def _as_before(descriptor: int, old: os.stat_result) -> None:
    """Give a file the rights of the old one: a gateway of another user may read it as its owner or by its group."""
    if os.geteuid() == 0:
        os.fchown(descriptor, old.st_uid, old.st_gid)
    elif os.fstat(descriptor).st_gid != old.st_gid:
        os.fchown(descriptor, -1, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


@contextmanager
def changing(settings: Settings) -> Iterator[LockedFile]:
    """Lock the file for this command, and create an empty one, with mode 0600, if there is none."""
    path = access_path(settings).resolve()  # a link stays one
    try:
        descriptor = _locked(path)
        try:
            yield LockedFile(path)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise AccessError(f"{path}: {error.strerror or type(error).__name__}") from error


def _locked(path: Path) -> int:
    """Wait for the lock of the file that has this name. Another command may put a new file there meanwhile."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)
