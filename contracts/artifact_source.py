"""Where artifacts are read from: the files below ``DATA_ROOT``, and the object store if one is configured."""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path

from contracts.errors import ArtifactElsewhere, ArtifactError, ArtifactMissing, ArtifactStoreError
from contracts.object_store import ObjectStore
from contracts.paths import object_name, object_uri, resolve_uri
from contracts.settings import Settings

__all__ = ["ArtifactSource"]


class ArtifactSource:
    """Reads artifacts by the ``uri`` of their references: with an object store, those too that were written to the
    disk before there was one. Blocks; for any number of threads."""

    def __init__(self, data_root: Path, objects: ObjectStore | None = None) -> None:
        self._data_root = data_root
        self._objects = objects

    @classmethod
    def of(cls, settings: Settings, *, timeout_s: float = 120.0, most_bytes: int = 2**30) -> ArtifactSource:
        """The source that the settings name; the limits are an object store's.

        Raises:
            ConfigurationError: there is an object store, and what it needs is not installed.
        """
        url = settings.artifact_url
        return cls(settings.data_root, ObjectStore(url, timeout_s=timeout_s, most_bytes=most_bytes) if url else None)

    def uris(self, name: str) -> tuple[str, ...]:
        """What a reference to the artifact of this name may say."""
        return (name, object_uri(self._objects.url, name)) if self._objects else (name,)

    def place(self, uri: str) -> str:
        """The file's path, or the object's URL, for people to read.

        Raises:
            ArtifactElsewhere: it is neither below ``DATA_ROOT`` nor in the object store.
        """
        found = self._resolve(uri)
        return uri if isinstance(found, str) else str(found)

    def reader(self, uri: str) -> io.BufferedIOBase:
        """The artifact's bytes; an object's are read whole.

        Raises:
            ArtifactElsewhere: it is neither below ``DATA_ROOT`` nor in the object store.
            ArtifactMissing: there is none.
            ArtifactStoreError: the object store is away, or refuses.
            ArtifactError: the file system refuses.
        """
        found = self._resolve(uri)
        if isinstance(found, str):
            assert self._objects is not None
            data = self._objects.get(found)
            if data is None:
                raise ArtifactMissing("the artifact does not exist")
            return io.BytesIO(data)
        try:
            return found.open("rb")
        except FileNotFoundError:
            raise ArtifactMissing("the artifact does not exist") from None
        except OSError as error:
            raise ArtifactError(f"the artifact cannot be read: {error.strerror}") from error

    def places(self, folder: str) -> list[str]:
        """The places of all artifacts in a session's folder; none where nobody lets us look."""
        found: list[str] = []
        with suppress(OSError):
            found += sorted(str(path) for path in (self._data_root / folder).iterdir())
        if self._objects:
            with suppress(ArtifactStoreError):
                found += [self._objects.uri(name) for name in self._objects.names(folder)]
        return found

    def _resolve(self, uri: str) -> Path | str:
        """The file, or the object's name."""
        try:
            if self._objects and "://" in uri:
                return object_name(self._objects.url, uri)
            return resolve_uri(self._data_root, uri)
        except ValueError as error:
            raise ArtifactElsewhere(str(error)) from error
