"""Copy logs and artifacts into a folder.

No file of the copy changes once it has its name: it is written beside its place and renamed. So an older copy may share
files with a newer one by hard links, and a kill leaves whole files only.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from contracts.rules.paths import session_of_log, user_folders
from contracts.storage.files import open_regular, sync_folder
from scripts.backups.rules import LOGS, BackupError, CopiedFile

__all__ = ["Copier", "copy_checked", "errors_of", "hash_file", "make_folder", "write_copy", "write_whole"]

_CHUNK_BYTES = 1 << 20
_DEPTH = 6
"""``users/<user>/sessions/<session>/features/<file>``: what lies deeper, by a link to a parent, is not read."""

_LOCK_WAIT_S = 10.0
_NO_LINKS = {errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES}


@contextmanager
def errors_of(where: Path) -> Iterator[None]:
    """Turn errors of the file system into `BackupError`."""
    try:
        yield
    except OSError as error:
        raise BackupError(f"{error.filename or where}: {error.strerror or error}") from error


@dataclass(slots=True)
class Copier:
    """Makes a copy in ``target`` of the logs and artifacts below two roots.

    ``before`` is the complete copy, None if there is none: files that are the same are linked from it. What ``target``
    has and the roots have not is removed, so a killed copy can be gone on with. ``progress`` is called for each file.
    """

    log_root: Path
    data_root: Path
    target: Path
    before: Path | None
    progress: Callable[[], None]
    copied_bytes: int = 0

    def logs(self) -> None:
        """Copy every session log up to its last whole line.

        Raises:
            BackupError: the file system refuses, or a log is not the continuation of its older copy.
        """
        with errors_of(self.log_root):
            self._mirror(user_folders(self.log_root), LOGS.rstrip("/"), _is_log, self._log)

    def artifacts(self) -> None:
        """Copy every artifact. Errors as `logs`."""
        with errors_of(self.data_root):
            self._mirror(self.data_root / "users", "data/users", _is_artifact, self._artifact)

    def artifact_again(self, uri: str) -> None:
        """Copy one artifact whatever its size and time, if it is there. Errors as `logs`."""
        with errors_of(self.data_root), suppress(FileNotFoundError):
            self._copy(self.data_root / uri, self.target / "data" / uri)

    def keep_older(self, uri: str) -> bool:
        """Take one artifact from the older copy, if that has it. Errors as `logs`."""
        if self.before is None or not (older := self.before / "data" / uri).is_file():
            return False
        with errors_of(self.target):
            place = self.target / "data" / uri
            place.parent.mkdir(parents=True, exist_ok=True)
            place.unlink(missing_ok=True)
            if not _link(older, place):
                self._copy(older, place)
        return True

    def _mirror(
        self, source: Path, name: str, wanted: Callable[[os.DirEntry[str]], bool], copy: Callable[[Path, str], None]
    ) -> None:
        target = self.target / name
        folders, files = _entries(source, wanted, deeper=name.count("/") < _DEPTH)
        target.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            target.chmod(stat.S_IMODE(source.stat().st_mode) | stat.S_IRWXU)
        for each in os.scandir(target):
            if each.name not in folders and each.name not in files:
                _remove(Path(each.path))
        for each_name in sorted(files):
            copy(source / each_name, f"{name}/{each_name}")
            self.progress()
        for each_name in sorted(folders):
            self._mirror(source / each_name, f"{name}/{each_name}", wanted, copy)

    def _artifact(self, source: Path, name: str) -> None:
        place = self.target / name
        try:
            if not self._is_same(source.lstat(), name):
                self._copy(source, place)
        except FileNotFoundError:  # it was erased since the folder was listed
            place.unlink(missing_ok=True)

    def _is_same(self, now: os.stat_result, name: str) -> bool:
        """Whether the copy has this file already, or has it now by a link to the older copy's."""
        place = self.target / name
        if _has(place, now):
            return True
        if self.before is None or not _has(older := self.before / name, now):
            return False
        place.unlink(missing_ok=True)
        return _link(older, place)

    def _log(self, source: Path, name: str) -> None:
        with open_regular(source) as log, _unchanging(log):
            now = os.fstat(log.fileno())
            if self._is_same(now, name):
                return
            self._write(log, self.target / name, now, whole_lines=True)
        if self.before is not None and not _continues(self.target / name, self.before / name):
            raise BackupError(
                f"{source} was shortened or rewritten since the last backup, which is kept as it is. Compare it with "
                f"{self.before / name}; if the change is meant, back up into another folder"
            )

    def _copy(self, source: Path, place: Path) -> None:
        with open_regular(source) as file:
            self._write(file, place, os.fstat(file.fileno()))

    def _write(self, file: BinaryIO, place: Path, now: os.stat_result, *, whole_lines: bool = False) -> None:
        self.copied_bytes += write_copy(file, place, now, whole_lines=whole_lines)


def _entries(folder: Path, wanted: Callable[[os.DirEntry[str]], bool], *, deeper: bool) -> tuple[set[str], set[str]]:
    folders, files = set(), set()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir():
                    folders |= {entry.name} if deeper else set()
                elif wanted(entry):
                    files.add(entry.name)
    except (FileNotFoundError, NotADirectoryError):
        pass
    return folders, files


def _is_log(entry: os.DirEntry[str]) -> bool:
    return session_of_log(entry.name) is not None and entry.is_file()


def _is_artifact(entry: os.DirEntry[str]) -> bool:
    return entry.name.endswith(".npz") and entry.is_file(follow_symlinks=False)


def _has(place: Path, now: os.stat_result) -> bool:
    try:
        there = place.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return (there.st_size, there.st_mtime_ns) == (now.st_size, now.st_mtime_ns)


def _link(older: Path, place: Path) -> bool:
    try:
        os.link(older, place)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return False
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


@contextmanager
def _unchanging(log: BinaryIO) -> Iterator[None]:
    """Wait until no recorder writes a line, and keep it so: it may take a line back that the disk refused.

    Raises:
        BackupError: a process holds the log for long.
    """
    until_s = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(log, fcntl.LOCK_SH | fcntl.LOCK_NB)
            break
        except BlockingIOError as error:
            if time.monotonic() >= until_s:
                raise BackupError(f"{log.name}: another process holds this log for more than 10 s") from error
            time.sleep(0.002)
        except OSError:  # the file system has no locks
            break
    yield


def _continues(log: Path, older: Path) -> bool:
    if not older.exists():
        return True
    with log.open("rb") as new, older.open("rb") as old:
        while chunk := old.read(_CHUNK_BYTES):
            if new.read(len(chunk)) != chunk:
                return False
    return True


def write_copy(file: BinaryIO, place: Path, now: os.stat_result, *, whole_lines: bool = False) -> int:
    """Write the first ``now.st_size`` bytes of a file to ``place``, synced, with its mode and time; with
    ``whole_lines`` only up to the last line end. Returns the number of bytes."""
    temporary = place.with_name(f".{place.name}.tmp")
    left, written, cut = now.st_size, 0, 0
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        while left and (chunk := file.read(min(left, _CHUNK_BYTES))):
            target.write(chunk)
            if (end := chunk.rfind(b"\n")) >= 0:
                cut = written + end + 1
            written, left = written + len(chunk), left - len(chunk)
        if whole_lines:
            target.truncate(cut)
        target.flush()
        os.fchmod(descriptor, stat.S_IMODE(now.st_mode))
        os.utime(descriptor, ns=(now.st_mtime_ns, now.st_mtime_ns))
        os.fsync(descriptor)
    temporary.replace(place)
    return cut if whole_lines else written


def make_folder(folder: Path) -> None:
    """Make a folder that only its owner may read, with its parents."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all, also after a power failure."""
    temporary = path.with_name(f".{path.name}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    temporary.replace(path)
    sync_folder(path.parent)


def hash_file(path: Path) -> CopiedFile:
    """The size and the hash of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return CopiedFile(size=file.tell(), sha256=digest)


def copy_checked(source: Path, place: Path, expected: CopiedFile) -> None:
    """Copy a file of a backup to its place, and read it there again.

    Raises:
        BackupError: the file is missing, or is not the one that the manifest names.
    """
    try:
        with open_regular(source) as file:
            write_copy(file, place, os.fstat(file.fileno()))
    except FileNotFoundError:
        raise BackupError(f"the backup lacks {source}, which its manifest names") from None
    if hash_file(place) != expected:
        raise BackupError(f"{source} is damaged: its hash is not that of the manifest")
