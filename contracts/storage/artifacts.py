"""Read artifacts from the files below ``DATA_ROOT``, and from the object store if one is configured."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from contracts.process.settings import Settings
from contracts.rules.errors import ArtifactElsewhere, ArtifactError, ArtifactMissing, ArtifactStoreError
from contracts.rules.paths import object_name, object_uri, resolve_uri
from contracts.storage.files import is_there, read_regular
from contracts.storage.object_store import ObjectStore

__all__ = ["MOST_BYTES", "ArtifactSource"]

MOST_BYTES = 2**30
"""The longest artifact that is read. The longest capture under the default limits makes one of 12 MB."""


class ArtifactSource:
    """Reads artifacts by the ``uri`` of their references. With an object store it still reads the artifacts that were
    written to the disk earlier. Its methods block; any number of threads may call them."""

    def __init__(self, data_root: Path, objects: ObjectStore | None = None, *, most_bytes: int = MOST_BYTES) -> None:
        self._data_root = data_root
        self._objects = objects
        self._most_bytes = most_bytes

    @classmethod
    def of(cls, settings: Settings, *, timeout_s: float = 120.0, most_bytes: int = MOST_BYTES) -> ArtifactSource:
        """The source that the settings name; ``timeout_s`` is for each request to an object store.

        Raises:
            ConfigurationError: the settings name an object store, and the s3 extra is not installed.
        """
        url = settings.artifact_url
        objects = ObjectStore(url, timeout_s=timeout_s, most_bytes=most_bytes) if url else None
        return cls(settings.data_root, objects, most_bytes=most_bytes)

    def uris(self, name: str) -> tuple[str, ...]:
        """Every ``uri`` that a reference to the artifact of this name may have."""
        return (name, object_uri(self._objects.url, name)) if self._objects else (name,)

    def place(self, uri: str) -> str:
        """The file's path, or the object's URL, for messages to the operator.

        Raises:
            ArtifactElsewhere: it is neither below ``DATA_ROOT`` nor in the object store.
        """
        found = self._resolve(uri)
        return uri if isinstance(found, str) else str(found)

    def read(self, uri: str, most_bytes: int | None = None) -> bytes:
        """Read the artifact's bytes. ``most_bytes`` may lower the source's own limit. A file that is not regular is
        refused, because reading it could wait for ever.

        Raises:
            ArtifactElsewhere: it is neither below ``DATA_ROOT`` nor in the object store.
            ArtifactMissing: there is no such file or object.
            ArtifactStoreError: the object store does not answer, or refuses.
            ArtifactError: the file system refuses, the file is not regular, or the artifact is too long.
        """
        most_bytes = self._most_bytes if most_bytes is None else min(most_bytes, self._most_bytes)
        found = self._resolve(uri)
        if not isinstance(found, str):
            return read_regular(found, most_bytes)
        assert self._objects is not None
        data = self._objects.get(found)
        if data is None:
            raise ArtifactMissing("the artifact does not exist")
        if len(data) > most_bytes:
            raise ArtifactError(f"the artifact cannot be read: it is longer than {most_bytes:,} bytes")
        return data

    def exists(self, uri: str) -> bool:
        """Whether anything is there, a damaged file or a link too.

        Raises:
            ArtifactElsewhere: it is neither below ``DATA_ROOT`` nor in the object store.
            ArtifactStoreError: the object store does not answer, or refuses.
            ArtifactError: the file system refuses.
        """
        found = self._resolve(uri)
        if isinstance(found, str):
            assert self._objects is not None
            return self._objects.exists(found)
        try:
            return is_there(found)
        except OSError as error:
            raise ArtifactError(f"the artifact cannot be looked for: {error.strerror}") from error

    def places(self, folder: str) -> list[str]:
        """The paths and URLs of all artifacts in a session's folder; without those that the file system or the object
        store refuses to list."""
        found: list[str] = []
        with suppress(OSError):
            found += sorted(str(path) for path in (self._data_root / folder).iterdir())
        if self._objects:
            with suppress(ArtifactStoreError):
                found += [self._objects.uri(name) for name in self._objects.names(folder)]
        return found

    def _resolve(self, uri: str) -> Path | str:
        """The path of the file, or the name of the object."""
        try:
            if self._objects and "://" in uri:
                return object_name(self._objects.url, uri)
            return resolve_uri(self._data_root, uri)
        except ValueError as error:
            raise ArtifactElsewhere(str(error)) from error
