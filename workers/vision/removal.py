"""Remove all artifacts of one person, with leftovers of killed writers. For `a3cp forget`, while no worker runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from contracts.process.settings import Settings
from contracts.rules.errors import ArtifactError
from contracts.rules.ids import is_identifier
from contracts.storage.files import sync_folder
from contracts.storage.object_store import ObjectStore

__all__ = ["PersonArtifacts"]


class PersonArtifacts:
    """The artifacts of one person: the files below ``DATA_ROOT``, and the objects if the settings name a store.

    Raises:
        ConfigurationError: the settings name an object store, and the s3 extra is not installed.
        ValueError: the id is invalid.
    """

    def __init__(self, settings: Settings, user_id: str) -> None:
        if not is_identifier(user_id):
            raise ValueError("not a user_id")
        self._name = f"users/{user_id}"
        self._folder = settings.data_root / "users" / user_id
        self._objects = ObjectStore(settings.artifact_url) if settings.artifact_url else None

    def count(self) -> int:
        """How many artifacts there are. Errors as `remove`."""
        return sum(path.suffix == ".npz" for path in self._files()) + len(self._object_names())

    def remove(self) -> None:
        """Remove all of them, in the object store every version that it shows.

        Raises:
            ArtifactStoreError: the object store does not answer, or refuses.
            ArtifactError: the file system refuses.
        """
        if self._objects is not None:
            for name in self._objects.all_names(self._name):
                self._objects.erase(name)
        if not os.path.lexists(self._folder):
            return
        if self._folder.is_symlink() or not self._folder.is_dir():
            raise ArtifactError(f"{self._folder} is not a folder of its own; remove what it leads to by hand")
        try:
            shutil.rmtree(self._folder)
            sync_folder(self._folder.parent)
        except OSError as error:
            raise ArtifactError(f"{error.filename or self._folder}: {error.strerror or error}") from error

    def left(self) -> list[str]:
        """The paths and names of what is there. Errors as `remove`."""
        left = [str(path) for path in self._files()] + self._object_names()
        return left or ([str(self._folder)] if os.path.lexists(self._folder) else [])

    def _files(self) -> Iterator[Path]:
        return (path for path in self._folder.rglob("*") if not path.is_dir())

    def _object_names(self) -> list[str]:
        return self._objects.all_names(self._name) if self._objects is not None else []
