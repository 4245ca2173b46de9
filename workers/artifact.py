"""Artifacts, where they are kept: files below ``DATA_ROOT``, of which this is the only writer, or an object store.

An artifact appears whole under its name or not at all, once. A file is written beside its place under a temporary
name, and then linked to a name that must not exist; no directory is ever created here. An object is put on the
condition that nothing has its name.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from contracts.artifact_source import MOST_BYTES
from contracts.captures import CaptureWindow
from contracts.errors import ArtifactError, ArtifactMissing, ArtifactTaken
from contracts.layout import DIMS
from contracts.message import RawFeaturesRef
from contracts.object_store import ObjectStore
from contracts.paths import artifact_uri
from contracts.regular_file import read_regular
from contracts.settings import Settings
from workers.matrix import Build, FeatureMatrix, encoding_text, meta_text

__all__ = [
    "ArtifactStore",
    "LocalStore",
    "artifact_exists",
    "artifact_store",
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
    """The versions that are installed here."""
    return Build(extractor=version("a3cp"), mediapipe=version("mediapipe"))


def artifact_exists(store: ArtifactStore, window: CaptureWindow) -> bool:
    """Whether the place of this window's artifact is taken.

    Raises:
        ArtifactError: the store is away, or refuses.
    """
    return store.exists(_name(window))


def write_artifact(store: ArtifactStore, window: CaptureWindow, matrix: FeatureMatrix) -> RawFeaturesRef:
    """Write a capture's artifact and return the reference to what is there afterwards.

    May be repeated: an artifact that already holds the same arrays is used as it is.

    Raises:
        ArtifactTaken: what is there holds something else; it is not touched.
        ArtifactError: the store is away or refuses, or the features folder is missing.
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
        """The system's ``link`` gives a name once."""

    def exists(self, name: str) -> bool:
        path = self._root / name
        with _os_errors(path):
            return os.path.lexists(path)

    def put_once(self, name: str, data: bytes) -> bool:
        path = self._root / name
        with _os_errors(path):
            _remove_leftovers(path)
            created = _link_new(path, data)
            _sync_folder(path.parent)  # whoever linked it
            return created

    def get(self, name: str) -> bytes | None:
        try:
            return read_regular(self._root / name, MOST_BYTES)
        except ArtifactMissing:
            return None

    def remove_if(self, name: str, ours: Callable[[bytes], bool]) -> bool:
        path = self._root / name
        with _os_errors(path):
            _remove_leftovers(path)
            data = self.get(name)
            if data is None or not ours(data):
                return False
            path.unlink(missing_ok=True)
            _sync_folder(path.parent)
            return True


@contextmanager
def _os_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        missing = "" if path.parent.is_dir() else "; its folder is missing, the session manager creates it"
        raise ArtifactError(f"{path.name}: {error.strerror or type(error).__name__}{missing}") from error


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


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
