"""Store bytes under names in an S3 bucket; each name is written once. Credentials, region and endpoint come from where
every AWS tool looks (environment, profile, instance). A3CP has no settings for them, and shows them in no log and no
error.

s3fs is imported at the first request: its import takes a second, and most processes have no object store.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Protocol
from uuid import uuid4

from contracts.process.logs import get_logger
from contracts.rules.errors import ArtifactError, ArtifactStoreError, ConfigurationError
from contracts.rules.paths import object_uri

__all__ = ["ObjectStore"]

log = get_logger()

CONNECT_TIMEOUT_S = 2.0
SILENCE_TIMEOUT_S = 10.0
_EXISTS = {"PreconditionFailed", "412"}
_MISSING = {"NoSuchKey", "404"}
_EMPTY = {"InvalidRange", "416"}
_UNCONDITIONAL = {"NotImplemented", "501"}
_FORBIDDEN = {"AccessDenied", "Forbidden", "403"}
_MOST_LISTINGS = 10
_NEEDED = "If-None-Match; artifacts are written once, so name a store with conditional writes"


class _FileSystem(Protocol):
    """The methods of s3fs that are used here; s3fs has no types. ``timeout`` is in seconds."""

    def pipe_file(self, path: str, value: bytes, *, mode: str, timeout: float) -> object: ...
    def cat_file(self, path: str, *, start: int, end: int, timeout: float) -> bytes: ...
    def call_s3(self, method: str, *, Bucket: str, timeout: float, **parameters: str) -> object: ...
    def ls(self, path: str, *, detail: bool, timeout: float) -> list[str]: ...


class ObjectStore:
    """The objects below ``url``, ``s3://bucket`` or ``s3://bucket/prefix``. Its methods block; any number of threads
    may call them.

    Every method raises `ArtifactStoreError` if the store refuses, or does not answer within ``timeout_s``, after
    ``attempts`` attempts. Bytes go from memory to the store and back, without a cache and without a file.

    Raises:
        ConfigurationError: the s3 extra is not installed.
    """

    def __init__(self, url: str, *, attempts: int = 3, timeout_s: float = 120.0, most_bytes: int = 2**30) -> None:
        if find_spec("s3fs") is None:
            raise ConfigurationError("A3CP_ARTIFACT_URL needs the s3 extra: ./scripts/install installs it")
        self.url = url
        self._bucket, _, self._prefix = url.removeprefix("s3://").partition("/")
        self._attempts = attempts
        self._timeout_s = timeout_s
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._made: _FileSystem | None = None

    def __str__(self) -> str:
        return self.url

    def uri(self, name: str) -> str:
        """The object's URL."""
        return object_uri(self.url, name)

    def lacks_folder(self, name: str) -> bool:
        """False: an object needs no folder."""
        return False

    def put_once(self, name: str, data: bytes, check: Callable[[], object] = lambda: None) -> bool:
        """Write the bytes under this name. Returns false if an object has the name already, and leaves it unchanged.
        Calls ``check`` first, which raises if the object must not be written.
        The object is written completely or not at all; below 100 MB with one request. This also returns false if an
        earlier attempt has written the object, and its answer was lost."""
        check()
        with self._errors(name) as files:
            try:
                files.pipe_file(self._path(name), data, mode="create", timeout=self._timeout_s)
            except OSError as error:
                if _code(error) in _EXISTS:
                    return False
                raise
        return True

    def get(self, name: str) -> bytes | None:
        """Read the object's bytes; None if there is no such object.

        Raises:
            ArtifactError: the object is longer than ``most_bytes``.
        """
        with self._errors(name) as files:
            try:
                data = files.cat_file(self._path(name), start=0, end=self._most_bytes + 1, timeout=self._timeout_s)
            except OSError as error:
                if _code(error) in _MISSING:
                    return None
                if _code(error) in _EMPTY:
                    return b""
                raise
        if len(data) > self._most_bytes:
            raise ArtifactError(f"{name}: it is longer than {self._most_bytes:,} bytes")
        return data

    def exists(self, name: str) -> bool:
        """Return whether an object has this name."""
        with self._errors(name) as files:
            try:
                files.call_s3("head_object", Bucket=self._bucket, Key=self._key(name), timeout=self._timeout_s)
            except OSError as error:
                if _code(error) in _MISSING:
                    return False
                raise
        return True

    def remove_if(self, name: str, ours: Callable[[bytes], bool]) -> bool:
        """Remove the object if ``ours`` returns true for its bytes; returns whether it was removed."""
        data = self.get(name)
        if data is None or not ours(data):
            return False
        self._delete(name)
        return True

    def erase(self, name: str) -> None:
        """Remove the object with every version and delete marker that the store shows, and check that they are gone. If
        the store shows no versions, the object is removed, and older versions of it stay.

        Raises:
            ArtifactStoreError: the store still has the object.
        """
        versions = self._versions(name)
        if versions is None:
            log.warning("the object store shows no versions; only the current one is removed", url=self.url)
            self._delete(name)
        for _ in range(_MOST_LISTINGS):
            if not versions:
                break
            for version in versions:
                self._delete(name, version)
            versions = self._versions(name)
        if versions or self.exists(name):
            raise ArtifactStoreError(f"{name}: {self.url} still has it")

    def _versions(self, name: str) -> list[str] | None:
        """The ids of the object's versions and delete markers, 1,000 at most; None if the store does not show them."""
        try:
            with self._errors(name) as files:
                answer = _mapping(
                    files.call_s3(
                        "list_object_versions", Bucket=self._bucket, Prefix=self._key(name), timeout=self._timeout_s
                    )
                )
        except ArtifactStoreError as error:
            if _code(error) in _FORBIDDEN | _UNCONDITIONAL:
                return None
            raise
        found = [*answer.get("Versions", ()), *answer.get("DeleteMarkers", ())]
        return [str(each["VersionId"]) for each in found if each.get("Key") == self._key(name)]

    def all_names(self, folder: str) -> list[str]:
        """List the names of all objects below a folder and its inner folders, sorted, those of older versions too if
        the store shows them."""
        try:
            found = self._listed(
                folder, "list_object_versions", ("Versions", "DeleteMarkers"), ("KeyMarker", "VersionIdMarker")
            )
        except ArtifactStoreError as error:
            if _code(error) not in _FORBIDDEN | _UNCONDITIONAL:
                raise
            found = self._listed(folder, "list_objects_v2", ("Contents",), ("ContinuationToken",))
        return sorted({key.removeprefix(self._key("")) for key in found})

    def _listed(self, folder: str, method: str, lists: Sequence[str], markers: Sequence[str]) -> set[str]:
        """The keys on all pages of a listing. ``markers`` are the parameters that say where a page begins."""
        found: set[str] = set()
        after: dict[str, str] = {}
        while True:
            with self._errors(folder) as files:
                prefix = self._key(folder) + "/"
                answer = files.call_s3(method, Bucket=self._bucket, Prefix=prefix, timeout=self._timeout_s, **after)
            page = _mapping(answer)
            found |= {str(each["Key"]) for name in lists for each in page.get(name, ())}
            after = {name: str(page[f"Next{name}"]) for name in markers if page.get(f"Next{name}")}
            if not page.get("IsTruncated") or not after:
                return found

    def names(self, folder: str) -> list[str]:
        """List the names of the objects in a folder, sorted; empty if there is no such folder."""
        with self._errors(folder) as files:
            try:
                found = files.ls(self._path(folder), detail=False, timeout=self._timeout_s)
            except FileNotFoundError:
                return []
        return sorted(path.removeprefix(self._path("")) for path in found)

    def check(self) -> None:
        """Check that the store writes a name only once, with a test object that is removed afterwards.

        Raises:
            ConfigurationError: the store overwrites objects, so it cannot hold artifacts.
            ArtifactStoreError: the store does not answer, or refuses to write, read or remove.
        """
        name = f".a3cp-check-{uuid4().hex}"
        try:
            self.put_once(name, b"1")
            overwritten = self.put_once(name, b"2")
        except ArtifactStoreError as error:
            if _code(error) in _UNCONDITIONAL:
                raise ConfigurationError(f"A3CP_ARTIFACT_URL: {self.url} does not know {_NEEDED}") from error
            raise
        self.remove_if(name, lambda _: True)
        self._check_missing(name)
        if overwritten:
            raise ConfigurationError(f"A3CP_ARTIFACT_URL: {self.url} overwrites what it has, and ignores {_NEEDED}")

    def _check_missing(self, name: str) -> None:
        """Check that the store answers 404 for a missing object. Without the right to list the bucket S3 answers 403
        instead, and every capture would wait for a minute."""
        try:
            self.exists(name)
        except ArtifactStoreError as error:
            if _code(error) in _FORBIDDEN:
                raise ArtifactStoreError(
                    f"{name}: {self.url} refuses to say that it is not there ({_code(error)}): allow s3:ListBucket on "
                    f"the bucket itself, arn:aws:s3:::{self._bucket}"
                ) from error
            raise

    def _delete(self, name: str, version: str | None = None) -> None:
        which = {} if version is None else {"VersionId": version}
        with self._errors(name) as files:
            files.call_s3("delete_object", Bucket=self._bucket, Key=self._key(name), timeout=self._timeout_s, **which)

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name

    def _path(self, name: str) -> str:
        return f"{self._bucket}/{self._key(name)}"

    @contextmanager
    def _errors(self, name: str) -> Iterator[_FileSystem]:
        try:
            yield self._files()
        except Exception as error:  # s3fs, botocore, aiohttp and parsers raise errors without a common base
            # not the error's own text, which may quote an account, a header or an answer
            code = _code(error)
            says = f"refuses: {code}" if code else f"does not answer: {type(error).__name__}"
            raise ArtifactStoreError(f"{name}: {self.url} {says}") from error

    def _files(self) -> _FileSystem:
        with self._lock:
            if self._made is None:
                from s3fs import S3FileSystem

                config = {
                    "connect_timeout": CONNECT_TIMEOUT_S,
                    "read_timeout": min(SILENCE_TIMEOUT_S, self._timeout_s),
                    "retries": {"mode": "standard", "total_max_attempts": self._attempts},
                    # some stores do not know the checksum headers; the writer reads the object back and compares
                    "request_checksum_calculation": "when_required",
                    "response_checksum_validation": "when_required",
                }
                made = S3FileSystem(config_kwargs=config, use_listings_cache=False, skip_instance_cache=True)
                made.retries = 1  # s3fs would repeat each of botocore's attempts
                self._made = made
            return self._made


def _code(error: BaseException | None) -> str:
    """The error code of the store's answer; empty if it did not answer."""
    while error is not None:
        response = getattr(error, "response", None)
        if isinstance(response, dict):
            return str(_mapping(response.get("Error")).get("Code", ""))
        error = error.__cause__
    return ""


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
