"""Artifacts: written once, as files below ``DATA_ROOT`` or as objects in an object store.

An artifact appears whole under its name or not at all, once: a file is linked to a name that must not exist
(`workers.vision.local_store`), an object is put on the condition that nothing has its name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import Protocol

from contracts.messages.event import RawFeaturesRef
from contracts.process.settings import Settings
from contracts.rules.errors import (
    ArtifactError,
    ArtifactTaken,
    FolderMissing,
)
from contracts.rules.landmarks import DIMS
from contracts.rules.paths import artifact_uri
from contracts.state.captures import CaptureWindow
from contracts.storage.object_store import ObjectStore
from workers.vision.local_store import NO_FOLDER, LocalStore
from workers.vision.matrix import EXTRACTOR_VERSION, Build, FeatureMatrix, encoding_text, meta_text

__all__ = [
    "ArtifactStore",
    "artifact_exists",
    "artifact_store",
    "check_folder",
    "current_build",
    "remove_artifact",
    "write_artifact",
]


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
        raise FolderMissing(f"{window.record_id}: {NO_FOLDER}")


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
