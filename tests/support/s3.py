"""An S3 server for one test: moto's, in a thread, with faults on demand.

moto is loaded by the first server: it takes half a second of processor time, in every process that collects the tests.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import httpx
import pytest

from tests.support.waiting import DEADLINE_S

__all__ = ["BUCKET", "SECRET", "VERSIONED", "S3Server", "s3_server"]

BUCKET = "a3cp-tests"
VERSIONED = "a3cp-versions"
SECRET = "a-secret-that-is-nowhere"


def _backend() -> Any:
    """What moto's server holds."""
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


class S3Server:
    """An S3 server whose objects survive `stop` and `start`.

    Faults: ``conditional=False`` ignores If-None-Match; ``loses_replies_to`` names a method that the server carries out
    and does not answer; ``refuses`` is a status that answers every request; ``lists=False`` acts as a policy without
    s3:ListBucket (403 for a missing object); ``checksums=False`` answers checksum headers with 501; ``hides_versions``
    is a status that answers requests for an object's versions; ``refuses_deletes`` one that answers each DELETE.
    """

    def __init__(self) -> None:
        self.conditional = True
        self.loses_replies_to = ""
        self.refuses = 0
        self.hides_versions = self.refuses_deletes = 0
        self.lists = self.checksums = True
        self.asked: list[tuple[str, str]] = []
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        self._app = DomainDispatcherApplication(create_backend_app)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.start()
        httpx.put(f"{self.address}/{BUCKET}", trust_env=False, timeout=DEADLINE_S).raise_for_status()

    def make_versioned_bucket(self) -> None:
        """Make the bucket ``VERSIONED``, which keeps every version, also of what is deleted."""
        bucket = f"{self.address}/{VERSIONED}"
        httpx.put(bucket, trust_env=False, timeout=DEADLINE_S).raise_for_status()
        enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
        httpx.put(f"{bucket}?versioning", content=enabled, trust_env=False, timeout=DEADLINE_S).raise_for_status()

    def versions(self, prefix: str) -> int:
        """How many versions and delete markers of these objects the versioned bucket has."""
        answer = httpx.get(f"{self.address}/{VERSIONED}?versions&prefix={prefix}", trust_env=False, timeout=DEADLINE_S)
        return answer.text.count("<VersionId>")

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        from werkzeug.serving import WSGIRequestHandler, make_server

        class Quiet(WSGIRequestHandler):
            def log(self, type: str, message: str, *args: Any) -> None:
                pass

        self._server = make_server("127.0.0.1", self.port, self._answer, threaded=True, request_handler=Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def get(self, key: str) -> bytes | None:
        """An object's bytes, read past the server; None if it does not exist."""
        there = _backend().buckets[BUCKET].keys.get(key)
        return None if there is None else bytes(there.value)

    def put(self, key: str, data: bytes) -> None:
        """Write an object past the server, replacing what it held."""
        _backend().put_object(BUCKET, key, data)

    def remove(self, key: str) -> None:
        _backend().delete_object(BUCKET, key)

    def keys(self, prefix: str = "") -> list[str]:
        """The names of all objects, read past the server."""
        return sorted(key for key in _backend().buckets[BUCKET].keys if key.startswith(prefix))

    def count(self, method: str, ending: str) -> int:
        """How many requests had this method and a path with this ending."""
        return sum(asked == method and path.endswith(ending) for asked, path in self.asked)

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.asked.append((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        if status := self._refusal(environ):
            start_response(f"{status} Refused", [("Content-Length", "0")])
            return []
        if not self.conditional:
            environ.pop("HTTP_IF_NONE_MATCH", None)
        answer: Iterable[bytes] = self._app(environ, start_response)
        if environ["REQUEST_METHOD"] == self.loses_replies_to:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return answer

    def _refusal(self, environ: dict[str, Any]) -> int:
        key = environ["PATH_INFO"].removeprefix(f"/{BUCKET}/")
        if not self.lists and environ["REQUEST_METHOD"] in ("GET", "HEAD") and self.get(key) is None:
            return 403
        if not self.checksums and {"HTTP_X_AMZ_CHECKSUM_CRC32", "HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM"} & environ.keys():
            return 501
        if self.hides_versions and "versions" in environ["QUERY_STRING"].split("&"):
            return self.hides_versions
        if self.refuses_deletes and environ["REQUEST_METHOD"] == "DELETE":
            return self.refuses_deletes
        return self.refuses


def s3_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """Start a server and set the AWS variables by which this process and its children find it."""
    server = S3Server()
    for name, value in {
        "AWS_ENDPOINT_URL": server.address,
        "AWS_ACCESS_KEY_ID": "a-key",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    yield server
    server.stop()
