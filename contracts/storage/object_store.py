"""Bytes under names in an S3 bucket, each name given once. Credentials, region and endpoint are found as every AWS
tool finds them (environment, profile, instance): A3CP has no settings for them, and no log or error shows them.

s3fs is imported at the first request: its import takes a second, and most processes have no object store.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Protocol
from uuid import uuid4

from contracts.rules.errors import ArtifactError, ArtifactStoreError, ConfigurationError
from contracts.rules.paths import object_uri

__all__ = ["ObjectStore"]

CONNECT_TIMEOUT_S = 2.0
SILENCE_TIMEOUT_S = 10.0
_EXISTS = {"PreconditionFailed", "412"}
_MISSING = {"NoSuchKey", "404"}
_EMPTY = {"InvalidRange", "416"}
_UNCONDITIONAL = {"NotImplemented", "501"}
_FORBIDDEN = {"AccessDenied", "Forbidden", "403"}
_NEEDED = "If-None-Match; artifacts are written once, so name a store with conditional writes"


class _FileSystem(Protocol):
    """What is used of s3fs, which has no types. Each takes ``timeout``, in seconds."""

    def pipe_file(self, path: str, value: bytes, *, mode: str, timeout: float) -> object: ...
    def cat_file(self, path: str, *, start: int, end: int, timeout: float) -> bytes: ...
    def call_s3(self, method: str, *, Bucket: str, Key: str, timeout: float) -> object: ...
    def ls(self, path: str, *, detail: bool, timeout: float) -> list[str]: ...


class ObjectStore:
    """The objects below ``url``, ``s3://bucket`` or ``s3://bucket/prefix``. Blocks; for any number of threads.

    Every method raises `ArtifactStoreError` when the store does not answer within ``timeout_s``, or refuses, after
    ``attempts``. Bytes go from memory to the store and back: there is no cache, and no file.

    Raises:
        ConfigurationError: what it needs is not installed.
    """

    def __init__(self, url: str, *, attempts: int = 3, timeout_s: float = 120.0, most_bytes: int = 2**30) -> None:
        if find_spec("s3fs") is None:
            raise ConfigurationError("A3CP_ARTIFACT_URL needs the s3 extra: pip install '.[s3]' in the repository")
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

    def put_once(self, name: str, data: bytes) -> bool:
        """Give the bytes this name; false if something has it already, which is not touched. One request below
        100 MB, and in any case whole or not at all. A request whose answer was lost may have given the name, and then
        this is false too."""
        with self._errors(name) as files:
            try:
                files.pipe_file(self._path(name), data, mode="create", timeout=self._timeout_s)
            except OSError as error:
                if _code(error) in _EXISTS:
                    return False
                raise
        return True

    def get(self, name: str) -> bytes | None:
        """The object's bytes, None if there is none; `ArtifactError` if they are more than ``most_bytes``."""
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
        """Whether anything has this name."""
        with self._errors(name) as files:
            try:
                files.call_s3("head_object", Bucket=self._bucket, Key=self._key(name), timeout=self._timeout_s)
            except OSError as error:
                if _code(error) in _MISSING:
                    return False
                raise
        return True

    def remove_if(self, name: str, ours: Callable[[bytes], bool]) -> bool:
        """Remove the object if ``ours`` says so of its bytes; whether it did."""
        data = self.get(name)
        if data is None or not ours(data):
            return False
        self._delete(name)
        return True

    def names(self, folder: str) -> list[str]:
        """The names of the objects in a folder, sorted; none if there is no such folder."""
        with self._errors(folder) as files:
            try:
                found = files.ls(self._path(folder), detail=False, timeout=self._timeout_s)
            except FileNotFoundError:
                return []
        return sorted(path.removeprefix(self._path("")) for path in found)

    def check(self) -> None:
        """See that a name can be given once only, with two bytes that are gone afterwards.

        Raises:
            ConfigurationError: a name can be given twice: this store is none for artifacts.
            ArtifactStoreError: it is away, or does not let us write, read or remove.
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
        """See that the store says so when there is nothing of this name. Without the right to list the bucket S3
        answers 403 instead, and every capture waits for a minute."""
        try:
            self.exists(name)
        except ArtifactStoreError as error:
            if _code(error) in _FORBIDDEN:
                raise ArtifactStoreError(
                    f"{name}: {self.url} refuses to say that it is not there ({_code(error)}): allow s3:ListBucket on "
                    f"the bucket itself, arn:aws:s3:::{self._bucket}"
                ) from error
            raise

    def _delete(self, name: str) -> None:
        with self._errors(name) as files:
            files.call_s3("delete_object", Bucket=self._bucket, Key=self._key(name), timeout=self._timeout_s)

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name

    def _path(self, name: str) -> str:
        return f"{self._bucket}/{self._key(name)}"

    @contextmanager
    def _errors(self, name: str) -> Iterator[_FileSystem]:
        try:
            yield self._files()
        except Exception as error:  # of s3fs, botocore, aiohttp, and parsers of answers: they have no common root
            # never their own words, which may quote an account, a header or an answer
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
                    # not every store knows the headers of a checksum; what is written is read back and compared
                    "request_checksum_calculation": "when_required",
                    "response_checksum_validation": "when_required",
                }
                made = S3FileSystem(config_kwargs=config, use_listings_cache=False, skip_instance_cache=True)
                made.retries = 1  # on top of which it would try again by itself
                self._made = made
            return self._made


def _code(error: BaseException | None) -> str:
    """What the store itself calls its refusal; empty if it never answered."""
    while error is not None:
        response = getattr(error, "response", None)
        if isinstance(response, dict):
            return str(_mapping(response.get("Error")).get("Code", ""))
        error = error.__cause__
    return ""


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
