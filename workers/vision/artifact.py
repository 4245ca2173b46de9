"""Artifacts, where they are kept: files below ``DATA_ROOT``, of which this is the only writer, or an object store.

An artifact appears whole under its name or not at all, once. A file is written beside its place under a temporary
name, and then linked to a name that must not exist; no directory is ever created here. An object is put on the
condition that nothing has its name.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from contracts.messages.event import RawFeaturesRef
from contracts.process.settings import Settings
from contracts.rules.errors import (
    ArtifactError,
    ArtifactMissing,
    ArtifactStoreError,
    ArtifactTaken,
    ConfigurationError,
    FolderMissing,
)
from contracts.rules.layout import DIMS
from contracts.rules.paths import artifact_uri
from contracts.state.captures import CaptureWindow
from contracts.storage.artifacts import MOST_BYTES
from contracts.storage.folder_sync import sync_folder
from contracts.storage.object_store import ObjectStore
from contracts.storage.regular_file import read_regular
from workers.vision.matrix import EXTRACTOR_VERSION, Build, FeatureMatrix, encoding_text, meta_text

__all__ = [
    "ArtifactStore",
    "LocalStore",
    "artifact_exists",
    "artifact_store",
    "check_folder",
    "current_build",
    "remove_artifact",
    "write_artifact",
]

FILE_MODE = 0o640


class ArtifactStore(Protocol):
    """Bytes under names, each name given once. Every method raises `ArtifactError` when the store is away or refuses,
    and may be repeated then."""

    def uri(self, name: str) -> str:
        """What a reference to it says."""
        ...

    def check(self) -> None:
        """See that a name is given once only; `ConfigurationError` if not."""
        ...

    def lacks_folder(self, name: str) -> bool:
        """Whether nothing can ever have this name, as the folder that it needs was never made, or was removed."""
        ...

    def exists(self, name: str) -> bool:
        """Whether anything has this name."""
        ...

    def put_once(self, name: str, data: bytes) -> bool:
        """Give the bytes this name, for good when it returns; false if something has it already, which stays."""
        ...

    def get(self, name: str) -> bytes | None:
        """What has this name, None if nothing has."""
        ...

    def remove_if(self, name: str, ours: Callable[[bytes], bool]) -> bool:
        """Remove what has this name if ``ours`` says so of its bytes; whether it did."""
        ...


def artifact_store(settings: Settings) -> ArtifactStore:
    """Where the settings say that artifacts are to be.

    Raises:
        ConfigurationError: it is an object store, and what that needs is not installed.
    """
    if settings.artifact_url is None:
        return LocalStore(settings.data_root)
    return ObjectStore(settings.artifact_url, attempts=1)  # a capture's steps are repeated by themselves


@cache
def current_build() -> Build:
    """The extractor's version, and that of the installed MediaPipe."""
    return Build(EXTRACTOR_VERSION, mediapipe=version("mediapipe"))


def artifact_exists(store: ArtifactStore, window: CaptureWindow) -> bool:
    """Whether the place of this window's artifact is taken.

    Raises:
        ArtifactError: the store is away, or refuses.
    """
    return store.exists(_name(window))


def check_folder(store: ArtifactStore, window: CaptureWindow) -> None:
    """See that there is a folder for this window's artifact.

    Raises:
        FolderMissing: there is none, and there will be none.
    """
    if store.lacks_folder(_name(window)):
        raise FolderMissing(f"{window.record_id}: {_NO_FOLDER}")


def write_artifact(store: ArtifactStore, window: CaptureWindow, matrix: FeatureMatrix) -> RawFeaturesRef:
    """Write a capture's artifact and return the reference to what is there afterwards.

    May be repeated: an artifact that already holds the same arrays is used as it is.

    Raises:
        ArtifactTaken: what is there holds something else; it is not touched.
        FolderMissing: the session's features folder is missing.
        ArtifactError: the store is away or refuses.
    """
    build, name = current_build(), _name(window)
    data = matrix.npz(meta_text(window, build))
    created = store.put_once(name, data)
    npz = store.get(name)
    if npz is None:
        raise ArtifactError(f"{name}: it is gone again")
    if created and npz != data:
        raise ArtifactError(f"{name}: what is read is not what was written")
    if not created and not matrix.is_in(npz):
        raise ArtifactTaken(f"{name} holds another capture's features")
    return RawFeaturesRef(
        uri=store.uri(name),
        hash="sha256:" + hashlib.sha256(npz).hexdigest(),
        format="npz",
        dims=DIMS,
        shape=[len(matrix.seq), DIMS],
        dtype="float32",
        encoding=encoding_text(window, build),
    )


def remove_artifact(store: ArtifactStore, window: CaptureWindow, matrix: FeatureMatrix) -> bool:
    """Remove the artifact of a capture that was never published; true if there was one.

    One with other arrays than ``matrix`` is another capture's, and stays.

    Raises:
        ArtifactError: the store is away, or refuses.
    """
    return store.remove_if(_name(window), matrix.is_in)


def _name(window: CaptureWindow) -> str:
    return artifact_uri(window.user_id, window.session_id, window.record_id)


class LocalStore:
    """The files below ``root``; an `ArtifactStore`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def uri(self, name: str) -> str:
        """Relative to ``root``, which may be mounted elsewhere for who reads it."""
        return name

    def check(self) -> None:
        """See that a file can be written here as `put_once` does it, with one that is gone afterwards.

        Raises:
            ConfigurationError: the file system has no hard links, or gives a name twice: no place for artifacts.
            ArtifactStoreError: it refuses for another reason, which may pass: no rights, no room.
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
        """A root without its first folder is no answer: it may be a disk that is not mounted yet."""
        return _is_missing((self._root / name).parent) and not _is_missing(self._root / Path(name).parts[0])

    def exists(self, name: str) -> bool:
        with self._os_errors(name) as path:
            return os.path.lexists(path)

    def put_once(self, name: str, data: bytes) -> bool:
        with self._os_errors(name) as path:
            _remove_leftovers(path)
            created = _link_new(path, data)
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

    @contextmanager
    def _os_errors(self, name: str) -> Iterator[Path]:
        path = self._root / name
        try:
            yield path
        except OSError as error:
            if self.lacks_folder(name):
                raise FolderMissing(f"{path.name}: {_NO_FOLDER}") from error
            raise ArtifactError(f"{path.name}: {error.strerror or type(error).__name__}") from error


_NO_FOLDER = "the session's features folder is missing; the session manager makes it when the session starts"


def _is_missing(path: Path) -> bool:
    """Whether the system says that nothing is there; any other trouble is no answer, and may pass."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _nearest(folder: Path) -> Path:
    """The folder, or what is there above it: the gateway makes it, maybe later."""
    there = folder.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    return there


_NO_LINKS = {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV}


def _check_links(there: Path, name: Path) -> None:
    """Give a file a second name, and see that the name cannot be given again."""
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


def _remove_leftovers(path: Path) -> None:
    """What a killed writer of the same record left behind. One that still lives finds its file gone, and tries
    again for as long as the capture is its own."""
    for leftover in path.parent.glob(_temporary(path, "*")):
        leftover.unlink(missing_ok=True)


def _link_new(path: Path, npz: bytes) -> bool:
    """Give the bytes their name; false if something has that name already."""
    temporary = path.with_name(_temporary(path, uuid4().hex))
    try:
        _write_synced(temporary, npz)
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    return True


def _write_synced(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, FILE_MODE)  # whatever the umask is
        file.write(data)
        file.flush()
        os.fsync(descriptor)
