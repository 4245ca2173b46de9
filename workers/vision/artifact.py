"""Artifacts: written once, as files below ``DATA_ROOT`` or as objects in an object store.

An artifact appears under its name whole, and once: `workers.vision.local_store` links the file to a name that must not
exist, and an object store takes an object only if none has its name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import version
from typing import Protocol

from contracts.messages.event import RawFeaturesRef
from contracts.process.settings import Settings
from contracts.rules.errors import (
    ArtifactElsewhere,
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
    "artifact_stores",
    "check_folder",
    "current_build",
    "erase_artifact",
    "erase_late_artifact",
    "remove_artifact",
    "write_artifact",
]


class ArtifactStore(Protocol):
    """Stores bytes under names; each name is given once. Every method raises `ArtifactError` if the store is away or
    refuses, and may be repeated then."""

    def uri(self, name: str) -> str:
        """The ``uri`` of a reference to the artifact of this name."""
        ...

    def check(self) -> None:
        """Check that the store can be written to, and gives a name only once.

        Raises:
            ConfigurationError: it gives a name twice.
            ArtifactStoreError: it cannot be written to now.
        """
        ...

    def lacks_folder(self, name: str) -> bool:
        """Whether the folder of this name is missing. No artifact can get the name then."""
        ...

    def exists(self, name: str) -> bool:
        """Whether the name is taken."""
        ...

    def put_once(self, name: str, data: bytes, check: Callable[[], object] = ...) -> bool:
        """Store the bytes durably under this name; false if the name is taken, and then change nothing. ``check`` is
        called before the name is given, and raises if it must not be."""
        ...

    def get(self, name: str) -> bytes | None:
        """The bytes under this name; None if the name is free."""
        ...

    def remove_if(self, name: str, ours: Callable[[bytes], bool]) -> bool:
        """Remove this name's bytes if ``ours`` is true of them; returns whether it did."""
        ...

    def erase(self, name: str) -> None:
        """Remove whatever has this name, older versions and leftovers of writers too, and check that it is gone."""
        ...


def artifact_store(settings: Settings) -> ArtifactStore:
    """The store that the settings name.

    Raises:
        ConfigurationError: it is an object store, and the package that it needs is not installed.
    """
    if settings.artifact_url is None:
        return LocalStore(settings.data_root)
    return ObjectStore(settings.artifact_url, attempts=1)  # the extractor retries the step itself


def artifact_stores(settings: Settings) -> tuple[ArtifactStore, ...]:
    """Every store that may have artifacts: the one that the settings name, and the disk, which may have earlier ones.
    Errors as `artifact_store`."""
    store = artifact_store(settings)
    return (store,) if isinstance(store, LocalStore) else (store, LocalStore(settings.data_root))


@cache
def current_build() -> Build:
    """The extractor's version, and that of the installed MediaPipe."""
    return Build(EXTRACTOR_VERSION, mediapipe=version("mediapipe"))


def artifact_exists(store: ArtifactStore, window: CaptureWindow) -> bool:
    """Whether the name of this window's artifact is taken.

    Raises:
        ArtifactError: the store is away, or refuses.
    """
    return store.exists(_name(window))


def check_folder(store: ArtifactStore, window: CaptureWindow) -> None:
    """Check that the folder of this window's artifact exists.

    Raises:
        FolderMissing: it does not; waiting for it would not help.
    """
    if store.lacks_folder(_name(window)):
        raise FolderMissing(f"{window.record_id}: {NO_FOLDER}")


def write_artifact(
    store: ArtifactStore, window: CaptureWindow, matrix: FeatureMatrix, check: Callable[[], object] = lambda: None
) -> RawFeaturesRef:
    """Write a capture's artifact, read it back, and return its reference.

    May be repeated: if the artifact is there and holds the same arrays, it is used as it is. ``check`` is called before
    the artifact gets its name, and raises if the caller has lost the capture.

    Raises:
        ArtifactTaken: an artifact with other arrays is there; it is not changed.
        FolderMissing: the session's features folder is missing.
        ArtifactError: the store is away or refuses.
    """
    build, name = current_build(), _name(window)
    data = matrix.npz(meta_text(window, build))
    created = store.put_once(name, data, check)
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
    """Remove the artifact of a capture that was not published; true if there was one.

    If its arrays are not those of ``matrix``, it is another capture's and stays.

    Raises:
        ArtifactError: the store is away, or refuses.
    """
    return store.remove_if(_name(window), matrix.is_in)


def erase_late_artifact(store: ArtifactStore, window: CaptureWindow) -> None:
    """Remove the artifact that an extractor wrote after it was erased, with every version that the store shows.

    Raises:
        ArtifactError: the store is away, or refuses, or still has it.
    """
    store.erase(_name(window))


def erase_artifact(stores: Iterable[ArtifactStore], user_id: str, session_id: str, record_id: str, uri: str) -> None:
    """Remove a capture's artifact, whatever its bytes are, from the store in which its ``uri`` is, and check that it is
    gone. If it is absent already, do nothing.

    Raises:
        ArtifactElsewhere: the ``uri`` is that of another artifact, or is in none of these stores.
        ArtifactError: the store is away, or refuses, or still has it.
        ValueError: an id is invalid.
    """
    name = artifact_uri(user_id, session_id, record_id)
    for store in stores:
        if store.uri(name) == uri:
            store.erase(name)
            return
    raise ArtifactElsewhere(f"{name}: this process has no store for the artifact's uri")


def _name(window: CaptureWindow) -> str:
    return artifact_uri(window.user_id, window.session_id, window.record_id)
