"""The folder of an export: it appears whole or not at all, and none is overwritten unasked."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

from contracts.process.folder_lock import is_free
from contracts.rules.errors import A3CPError
from scripts.exports.tables import File, json_file

__all__ = ["Draft", "ExportError", "MANIFEST", "ExportResult"]

MANIFEST = "export.json"
"""Says what wrote the folder, and the SHA-256 of every other file in it."""

_FILE_MODE = 0o640
_FOLDER_MODE = 0o750
_OLD = "-old"


class ExportError(A3CPError):
    """An export could not be made; what was there before is untouched."""


class ExportResult(Enum):
    """What `Draft.keep` did."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    REPLACED = "replaced"


class Draft:
    """An export while it is made: a hidden folder beside the place where it will be, gone if it is not kept.

    The exporting process holds a lock on it. A folder left by a killed export has no lock: the next export to the same
    place removes it, or restores it if it is the old export. It stays if the file system has no locks.

    Raises:
        ExportError: the file system refuses; from every method.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self._prefix = f".a3cp-export-{target.name}-"
        self._hashes: dict[str, str] = {}

    def __enter__(self) -> Draft:
        parent = self.target.parent
        with _refusals(f"{parent}"):
            _make(parent)
            self._clear()
            made = Path(tempfile.mkdtemp(prefix=".a3cp-new-", dir=parent))
            self._lock = _opened(made)
            _lock(self._lock)
            known = self._prefix + made.name.rpartition("-")[2]  # whatever has such a name is locked, or left behind
            self._folder = made.rename(made.with_name(known))
            self._folder.chmod(_FOLDER_MODE)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        os.close(self._lock)

    def add(self, file: File) -> None:
        """Write one file of the export."""
        self._hashes[file.path] = self._write(file)

    def keep(self, about: dict[str, Any], *, replace: bool) -> ExportResult:
        """Put the export in its place. One that is there and is the same stays; one that differs is replaced if
        ``replace`` says so and all that is in it is what an export wrote."""
        manifest = json_file(MANIFEST, {**about, "files": self._hashes})
        made = {**self._hashes, MANIFEST: self._write(manifest)}
        there = self.target
        with _refusals(f"{there}"):
            if not there.exists():
                self._move(self._folder, there)
                return ExportResult.WRITTEN
            if _hashes(there) == made:
                return ExportResult.UNCHANGED
            if not replace:
                raise ExportError(f"{there} is there and differs: name another --output, or --replace it")
            if (reason := _foreign(there)) is not None:
                raise ExportError(f"{there} is not replaced: {reason}")
            held = _opened(there)
            try:
                if not _lock(held):
                    raise ExportError(f"{there} is not replaced: another export is doing it now")
                self._swap()
            finally:
                os.close(held)
        return ExportResult.REPLACED

    def _swap(self) -> None:
        there, old = self.target, self._folder.with_name(f"{self._folder.name}{_OLD}")
        self._move(there, old)
        try:
            self._move(self._folder, there)
        except ExportError:
            self._move(old, there)
            raise
        shutil.rmtree(old, ignore_errors=True)

    def _clear(self) -> None:
        ours = re.compile(rf"{re.escape(self._prefix)}[^-]+({_OLD})?")  # an export whose name is longer has a dash more
        left = [path for path in self.target.parent.iterdir() if ours.fullmatch(path.name)]
        for path in left:
            if not is_free(path):
                continue
            if path.name.endswith(_OLD) and not os.path.lexists(self.target):
                with suppress(OSError):  # another one was quicker
                    path.rename(self.target)
            else:
                shutil.rmtree(path, ignore_errors=True)

    def _write(self, file: File) -> str:
        path = self._folder / file.path
        try:
            _make(path.parent)
            path.write_bytes(file.content)
            path.chmod(_FILE_MODE)
        except OSError as error:
            raise ExportError(f"{file.path} cannot be written: {error.strerror}") from error
        return "sha256:" + hashlib.sha256(file.content).hexdigest()

    def _move(self, source: Path, target: Path) -> None:
        try:
            source.rename(target)
        except OSError as error:
            raise ExportError(f"{target} cannot be put in its place: {error.strerror}") from error


@contextmanager
def _refusals(place: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ExportError(f"{place}: {error.strerror}") from error


def _make(folder: Path) -> None:
    """Make a folder and those above it, with their mode whatever the umask is; what is there stays as it is."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        try:
            each.mkdir()
        except FileExistsError:  # another one was quicker
            continue
        each.chmod(_FOLDER_MODE)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), folder)


def _opened(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _lock(descriptor: int) -> bool:
    """Lock a folder until it is closed; false if another process has locked it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # not every file system has locks
        return True
    return True


def _hashes(folder: Path) -> dict[str, str]:
    """Every file below ``folder`` by its SHA-256; what is no plain file has none."""
    return {
        path.relative_to(folder).as_posix(): _hash(path)
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or not path.is_dir()
    }


def _hash(path: Path) -> str:
    if path.is_symlink() or not path.is_file():
        return ""
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def _foreign(folder: Path) -> str | None:
    """Why a folder holds something else than what an export wrote; None if it does not."""
    if folder.is_symlink() or not folder.is_dir():
        return "it is no folder"
    try:
        written = dict(orjson.loads((folder / MANIFEST).read_bytes())["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"no {MANIFEST} says that it is an export"
    for path, digest in _hashes(folder).items():
        if path != MANIFEST and written.get(path) != digest:
            return f"{path} is not as an export wrote it"
    return None
