"""Artifacts on the disk: the only writer under ``DATA_ROOT``.

A file appears whole under its name or not at all, once: it is written beside its place under a temporary
name, and then linked to a name that must not exist. No directory is ever created here.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

from contracts.captures import CaptureWindow
from contracts.errors import ArtifactError, ArtifactTaken
from contracts.layout import DIMS
from contracts.message import RawFeaturesRef
from contracts.paths import artifact_path, artifact_uri
from workers.matrix import Build, FeatureMatrix, encoding_text, meta_text

__all__ = ["artifact_exists", "current_build", "remove_artifact", "write_artifact"]

FILE_MODE = 0o640


@cache
def current_build() -> Build:
    """The versions that are installed here."""
    return Build(extractor=version("a3cp"), mediapipe=version("mediapipe"))


def artifact_exists(data_root: Path, window: CaptureWindow) -> bool:
    """Whether the place of this window's artifact is taken.

    Raises:
        ArtifactError: the file system refused.
    """
    path = _place(data_root, window)
    with _os_errors(path):
        return os.path.lexists(path)


def write_artifact(data_root: Path, window: CaptureWindow, matrix: FeatureMatrix) -> RawFeaturesRef:
    """Write a capture's artifact and return the reference to the file that is there afterwards.

    May be repeated: a file that already holds the same arrays is used as it is.

    Raises:
        ArtifactTaken: the file that is there holds something else; it is not touched.
        ArtifactError: the file system refused, or the features folder is missing.
    """
    build = current_build()
    path = _place(data_root, window)
    with _os_errors(path):
        _remove_leftovers(path)
        created = _link_new(path, matrix.npz(meta_text(window, build)))
        npz = path.read_bytes()
        if not created and not matrix.is_in(npz):
            raise ArtifactTaken(f"{path.name} holds another capture's features")
        _sync_folder(path.parent)
    return RawFeaturesRef(
        uri=artifact_uri(window.user_id, window.session_id, window.record_id),
        hash="sha256:" + hashlib.sha256(npz).hexdigest(),
        format="npz",
        dims=DIMS,
        shape=[len(matrix.seq), DIMS],
        dtype="float32",
        encoding=encoding_text(window, build),
    )


def remove_artifact(data_root: Path, window: CaptureWindow, matrix: FeatureMatrix) -> bool:
    """Remove the artifact of a capture that was never published; true if there was one.

    A file with other arrays than ``matrix`` is another capture's, and stays.

    Raises:
        ArtifactError: the file system refused.
    """
    path = _place(data_root, window)
    with _os_errors(path):
        _remove_leftovers(path)
        try:
            npz = path.read_bytes()
        except FileNotFoundError:
            return False
        if not matrix.is_in(npz):
            return False
        path.unlink(missing_ok=True)
        _sync_folder(path.parent)
        return True


def _place(data_root: Path, window: CaptureWindow) -> Path:
    return artifact_path(data_root, window.user_id, window.session_id, window.record_id)


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
