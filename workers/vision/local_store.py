"""The local store: artifacts as files below ``DATA_ROOT``. This is the only module that writes there.

A file is written beside its place under a temporary name, and then linked to a name that must not exist, so it appears
whole and once. No directory is ever created here.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from contracts.rules.errors import (
    ArtifactError,
    ArtifactMissing,
    ArtifactStoreError,
    ConfigurationError,
    FolderMissing,
)
from contracts.storage.artifacts import MOST_BYTES
from contracts.storage.files import is_there, read_regular, sync_folder

__all__ = ["FILE_MODE", "NO_FOLDER", "LocalStore"]

FILE_MODE = 0o640

NO_FOLDER = "the session's features folder is missing; the session manager makes it when the session starts"


class LocalStore:
    """The files below ``root``; a `workers.vision.artifact.ArtifactStore`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def uri(self, name: str) -> str:
        """The path relative to ``root``, because a reader may have ``root`` mounted elsewhere."""
        return name

    def check(self) -> None:
        """Write a file as `put_once` does, and remove it.

        Raises:
            ConfigurationError: the file system has no hard links, or gives a name twice.
            ArtifactStoreError: it refuses for another reason, which may pass, such as no rights or no room.
        """
        folder = _nearest(self._root)
        first, second = (folder / f".a3cp-check-{uuid4().hex}" for _ in range(2))
        try:
            _write_synced(first, b"1")
            _check_links(first, second)
            sync_folder(folder)
        except OSError as error:
            detail = f"{folder} cannot be written to: {error.strerror or type(error).__name__}"
            raise ArtifactStoreError(f"DATA_ROOT: {detail}") from error
        finally:
            for path in (first, second):
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def lacks_folder(self, name: str) -> bool:
        """Whether the folder is missing. False if the first folder below ``root`` is missing too: the disk may not be
        mounted yet."""
        return _is_missing((self._root / name).parent) and not _is_missing(self._root / Path(name).parts[0])

    def exists(self, name: str) -> bool:
        with self._os_errors(name) as path:
            return os.path.lexists(path)

    def put_once(self, name: str, data: bytes, check: Callable[[], object] = lambda: None) -> bool:
        with self._os_errors(name) as path:
            _remove_leftovers(path)
            created = _link_new(path, data, check)
            sync_folder(path.parent)  # another worker may have linked it
            return created

    def get(self, name: str) -> bytes | None:
        try:
            return read_regular(self._root / name, MOST_BYTES)
        except ArtifactMissing:
            return None

    def remove_if(self, name: str, ours: Callable[[bytes], bool]) -> bool:
        with self._os_errors(name) as path:
            _remove_leftovers(path)
            data = self.get(name)
            if data is None or not ours(data):
                return False
            path.unlink(missing_ok=True)
            sync_folder(path.parent)
            return True

    def erase(self, name: str) -> None:
        try:
            with self._os_errors(name) as path:
                _remove_leftovers(path)
                path.unlink(missing_ok=True)
                sync_folder(path.parent)
                if is_there(path) or any(_leftovers(path)):
                    raise ArtifactError(f"{path.name}: it is still there")
        except FolderMissing:  # then there is no file in it
            return

    @contextmanager
    def _os_errors(self, name: str) -> Iterator[Path]:
        path = self._root / name
        try:
            yield path
        except OSError as error:
            if self.lacks_folder(name):
                raise FolderMissing(f"{path.name}: {NO_FOLDER}") from error
            raise ArtifactError(f"{path.name}: {error.strerror or type(error).__name__}") from error


def _is_missing(path: Path) -> bool:
    """Whether the system says that the path does not exist. After any other error it may exist."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _nearest(folder: Path) -> Path:
    """The folder, or its nearest parent that exists: the gateway may not have made the folder yet."""
    there = folder.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    return there


_NO_LINKS = {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV}


def _check_links(there: Path, name: Path) -> None:
    """Give a file a second name, and check that the name cannot be given again."""
    elsewhere = "name a folder on another file system, or an object store in A3CP_ARTIFACT_URL"
    try:
        os.link(there, name)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        raise ConfigurationError(
            f"DATA_ROOT: the file system of {there.parent} has no hard links ({error.strerror}), and without them an "
            f"artifact could be half written or overwritten: {elsewhere}"
        ) from error
    try:
        os.link(there, name)
    except FileExistsError:
        return
    raise ConfigurationError(f"DATA_ROOT: the file system of {there.parent} gives a name twice: {elsewhere}")


def _temporary(path: Path, unique: str) -> str:
    return f".{path.stem}.{unique}.tmp"


def _leftovers(path: Path) -> Iterator[Path]:
    return path.parent.glob(_temporary(path, "*"))


def _remove_leftovers(path: Path) -> None:
    """Remove the temporary files that killed writers of the same record left. If such a writer still lives, it finds
    its file gone, and retries while it has the lease."""
    for leftover in _leftovers(path):
        leftover.unlink(missing_ok=True)


def _link_new(path: Path, npz: bytes, check: Callable[[], object]) -> bool:
    """Write the bytes and link them to their name; false if the name is taken.

    ``check`` comes between: a writer that loses its lease after it has a temporary file that the next owner, or who
    erases the artifact, removes. So it cannot link the file afterwards, however long it was paused.
    """
    temporary = path.with_name(_temporary(path, uuid4().hex))
    try:
        _write_synced(temporary, npz)
        check()
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    return True


def _write_synced(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, FILE_MODE)  # independent of the umask
        file.write(data)
        file.flush()
        os.fsync(descriptor)
