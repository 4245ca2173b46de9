"""The folder of an export: it appears complete or not at all, and replaces an older one only if the operator asks."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
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
"""The file that names the exporting version, and the SHA-256 of every other file in the folder."""

_FILE_MODE = 0o640
_FOLDER_MODE = 0o750
_OLD = "-old"


class ExportError(A3CPError):
    """The export failed; an older export is unchanged."""


class ExportResult(Enum):
    """The result of `Draft.keep`."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    REPLACED = "replaced"


class Draft:
    """An unfinished export: a hidden folder beside ``target``. Leaving the block removes it, unless `keep` has moved
    it.

    The exporting process holds a lock on the folder. The folder of a killed export has no lock: the next export to the
    same target removes it, or restores it if it is the older export. If the file system has no locks, it stays.

    Raises:
        ExportError: the file system refuses an operation; every method may raise it.
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
            # it gets this name only now: a folder of this name without a lock is a killed export's
            known = self._prefix + made.name.rpartition("-")[2]
            self._folder = made.rename(made.with_name(known))
            self._folder.chmod(_FOLDER_MODE)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        os.close(self._lock)

    @property
    def hashes(self) -> Mapping[str, str]:
        """The hash of each file so far, ``sha256:`` and 64 hex digits, by its path."""
        return self._hashes

    def add(self, file: File) -> None:
        """Write one file of the export."""
        self._hashes[file.path] = self._write(file)

    def keep(self, about: dict[str, Any], *, replace: bool) -> ExportResult:
        """Move the export to ``target``, with ``about`` in its manifest. An equal export there stays. A different one
        is replaced if ``replace`` is true and it has only files that an export wrote."""
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
                raise ExportError(f"{there} exists and differs: name another --output, or --replace it")
            if (reason := _foreign(there)) is not None:
                raise ExportError(f"{there} is not replaced: {reason}")
            held = _opened(there)
            try:
                if not _lock(held):
                    raise ExportError(f"{there} is not replaced: another export is replacing it now")
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
        # the drafts of a target with a longer name have one more dash
        ours = re.compile(rf"{re.escape(self._prefix)}[^-]+({_OLD})?")
        left = [path for path in self.target.parent.iterdir() if ours.fullmatch(path.name)]
        for path in left:
            if not is_free(path):
                continue
            if path.name.endswith(_OLD) and not os.path.lexists(self.target):
                with suppress(OSError):  # another export has restored it
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
            raise ExportError(f"{target} cannot be made: {error.strerror}") from error


@contextmanager
def _refusals(place: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ExportError(f"{place}: {error.strerror}") from error


def _make(folder: Path) -> None:
    """Make a folder and its missing parents with mode 0750, whatever the umask is. Existing folders keep their mode."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        try:
            each.mkdir()
        except FileExistsError:  # another process has made it
            continue
        each.chmod(_FOLDER_MODE)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), folder)


def _opened(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _lock(descriptor: int) -> bool:
    """Lock a folder until its descriptor is closed; false if another process holds the lock."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # the file system has no locks: go on without
        return True
    return True


def _hashes(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file below ``folder``, by its path; empty for a link or a special file."""
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
    """Say why the folder is not only an export's; None if an export wrote every file in it."""
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
