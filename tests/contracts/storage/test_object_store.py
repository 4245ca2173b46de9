"""An object store gives each name once; its errors come in time and show no secret."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from contracts.rules.errors import ArtifactError, ArtifactStoreError, ConfigurationError
from contracts.storage import object_store
from contracts.storage.object_store import ObjectStore
from tests.support.s3 import BUCKET, SECRET, VERSIONED, S3Server

NAME = "users/u/sessions/s/features/r.npz"

EVERY_CALL: dict[str, Callable[[ObjectStore], Any]] = {
    "put_once": lambda store: store.put_once(NAME, b"1"),
    "get": lambda store: store.get(NAME),
    "exists": lambda store: store.exists(NAME),
    "remove_if": lambda store: store.remove_if(NAME, lambda _: True),
    "erase": lambda store: store.erase(NAME),
    "names": lambda store: store.names("users"),
    "check": lambda store: store.check(),
}


def store_of(unique: str, **limits: Any) -> ObjectStore:
    return ObjectStore(f"s3://{BUCKET}/{unique}", **({"attempts": 1} | limits))


def test_an_object_is_the_bytes_that_were_put(s3: S3Server, unique: str) -> None:
    store = store_of(unique)
    for data in (b"", b"1", bytes(range(256)) * 50_000):
        name = f"users/{len(data)}.npz"
        assert not store.exists(name) and store.get(name) is None
        assert store.put_once(name, data)
        assert store.exists(name)
        assert store.get(name) == s3.get(f"{unique}/{name}") == data
        assert s3.count("PUT", name) == 1, "an object needs one request, so that it is whole or absent"
        assert store.uri(name) == f"s3://{BUCKET}/{unique}/{name}"


def test_a_bucket_needs_no_prefix(s3: S3Server) -> None:
    store = ObjectStore(f"s3://{BUCKET}")
    assert store.put_once(NAME, b"1")
    assert s3.get(NAME) == b"1"
    assert store.names("users/u/sessions/s/features") == [NAME]


def test_a_name_is_given_once(s3: S3Server, unique: str) -> None:
    store = store_of(unique)
    assert store.put_once(NAME, b"first")
    assert not store.put_once(NAME, b"second")
    assert store.get(NAME) == b"first"


def test_of_many_simultaneous_puts_exactly_one_succeeds(s3: S3Server, unique: str) -> None:
    store = store_of(unique)
    with ThreadPoolExecutor(8) as pool:
        created = list(pool.map(lambda number: store.put_once(NAME, b"%d" % number), range(8)))
    assert sum(created) == 1
    assert store.get(NAME) == b"%d" % created.index(True)


def test_a_put_whose_answer_was_lost_is_found_again(s3: S3Server, unique: str) -> None:
    store = store_of(unique)
    s3.loses_replies_to = "PUT"
    with pytest.raises(ArtifactStoreError):
        store.put_once(NAME, b"1")
    s3.loses_replies_to = ""
    assert not store.put_once(NAME, b"1")
    assert store.get(NAME) == b"1"


def test_an_object_is_removed_only_if_its_bytes_pass_the_check(s3: S3Server, unique: str) -> None:
    store = store_of(unique)
    store.put_once(NAME, b"theirs")
    assert not store.remove_if(NAME, lambda data: data == b"ours")
    assert store.get(NAME) == b"theirs"
    assert store.remove_if(NAME, lambda data: data == b"theirs")
    assert store.get(NAME) is None
    assert not store.remove_if(NAME, lambda _: True)


def test_the_names_in_a_folder(s3: S3Server, unique: str) -> None:
    store = store_of(unique)
    for name in ("a/2", "a/1", "b/1"):
        store.put_once(name, b"")
    assert (store.names("a"), store.names("c")) == (["a/1", "a/2"], [])
    store.put_once("a/0", b"")
    assert store.names("a") == ["a/0", "a/1", "a/2"], "the list shows the objects of now"


def test_an_object_over_the_limit_is_not_read_into_memory(s3: S3Server, unique: str) -> None:
    store = store_of(unique, most_bytes=4)
    store.put_once("four", b"1234")
    store.put_once("more", b"1" * 1_000_000)
    assert store.get("four") == b"1234"
    with pytest.raises(ArtifactError, match="longer than 4 bytes") as raised:
        store.get("more")
    assert not isinstance(raised.value, ArtifactStoreError), "this is no fault of the store"


def test_the_check_of_a_good_store_leaves_no_object(s3: S3Server, unique: str) -> None:
    store = store_of(unique)
    store.check()
    assert s3.count("PUT", "") > 1
    assert store.names("") == []


def test_a_store_that_ignores_the_condition_is_refused_with_a_sentence(s3: S3Server, unique: str) -> None:
    s3.conditional = False
    store = store_of(unique)
    with pytest.raises(ConfigurationError, match=r"^A3CP_ARTIFACT_URL: s3://.* overwrites what it has"):
        store.check()
    assert store.names("") == []


def test_a_store_that_does_not_know_the_condition_is_refused_with_a_sentence(s3: S3Server, unique: str) -> None:
    s3.refuses = 501
    with pytest.raises(ConfigurationError, match="conditional writes"):
        store_of(unique).check()


def test_a_store_that_hides_what_is_not_there_is_found_before_a_capture_waits_for_it(s3: S3Server, unique: str) -> None:
    s3.lists = False
    with pytest.raises(ArtifactStoreError, match=f"s3:ListBucket on the bucket itself, arn:aws:s3:::{BUCKET}$"):
        store_of(unique).check()
    assert s3.keys(unique) == []


def test_a_store_that_knows_no_checksum_headers_is_accepted(s3: S3Server, unique: str) -> None:
    s3.checksums = False
    store = store_of(unique)
    store.check()
    assert store.put_once(NAME, b"1") and store.get(NAME) == b"1"


@pytest.mark.parametrize("fault", ["away", "403", "500", "no bucket", "silent", "no credentials"])
def test_any_failure_of_the_store_is_raised_in_time_and_shows_no_secret(
    s3: S3Server, unique: str, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    store = store_of(unique, timeout_s=0.3 if fault == "silent" else 20.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        match fault:
            case "away":
                monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
            case "silent":
                monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
            case "no credentials":
                for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
                    monkeypatch.delenv(name)
                monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
                monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
            case "no bucket":
                store = ObjectStore("s3://no-such-bucket", attempts=1)
            case status:
                s3.refuses = int(status)
        for name, call in EVERY_CALL.items():
            if fault == "no bucket" and name in ("exists", "names"):
                continue  # S3 answers a missing bucket like a missing object
            with pytest.raises(ArtifactStoreError, match=r"s3://.* (refuses|does not answer): \w+$") as raised:
                call(store)
            assert SECRET not in str(raised.value) and "a-key" not in str(raised.value)


def test_without_the_extra_one_line_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_store, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"^A3CP_ARTIFACT_URL .*\./scripts/install"):
        store_of("x")


def test_no_s3_library_is_imported_before_the_first_request() -> None:
    code = (
        "import gateway.__main__, gateway.app, sys\n"
        "from contracts.storage.object_store import ObjectStore\n"
        "ObjectStore('s3://bucket')\n"
        "print({'s3fs', 'fsspec', 'botocore', 'aiohttp'} & set(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"


@pytest.fixture
def versioned(s3: S3Server, unique: str) -> ObjectStore:
    """A store in a bucket that keeps every version, also of what is deleted."""
    s3.make_versioned_bucket()
    return ObjectStore(f"s3://{VERSIONED}/{unique}", attempts=1)


def test_erasing_leaves_no_version_and_no_delete_marker_and_touches_no_other_object(
    s3: S3Server, unique: str, versioned: ObjectStore
) -> None:
    for _ in range(2):
        assert versioned.put_once(NAME, b"landmarks")
        assert versioned.remove_if(NAME, lambda _: True)
    assert versioned.put_once(NAME, b"landmarks")
    versioned.put_once(f"{NAME}.other", b"another's")
    assert s3.versions(unique) == 6
    for _ in range(2):
        versioned.erase(NAME)
        assert s3.versions(unique) == 1
    assert versioned.get(f"{NAME}.other") == b"another's"


def test_erasing_in_a_bucket_without_versions(s3: S3Server, unique: str) -> None:
    store = store_of(unique)
    store.put_once(NAME, b"landmarks")
    for _ in range(2):
        store.erase(NAME)
        assert s3.keys(unique) == []


@pytest.mark.parametrize("status", [403, 501])
def test_erasing_where_versions_are_not_shown_removes_the_object(
    s3: S3Server, unique: str, versioned: ObjectStore, status: int
) -> None:
    versioned.put_once(NAME, b"landmarks")
    s3.hides_versions = status
    versioned.erase(NAME)
    assert not versioned.exists(NAME)
    s3.hides_versions = 0
    assert s3.versions(unique) == 2, "the version stays, under a delete marker"
    versioned.erase(NAME)
    assert s3.versions(unique) == 0


def test_what_may_not_be_deleted_is_not_said_to_be_gone(s3: S3Server, unique: str) -> None:
    store = store_of(unique)
    store.put_once(NAME, b"landmarks")
    s3.refuses_deletes = 403
    with pytest.raises(ArtifactStoreError):
        store.erase(NAME)


def test_a_store_that_deletes_nothing_and_says_that_it_did_is_an_error(
    s3: S3Server, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_of(unique)
    store.put_once(NAME, b"landmarks")
    monkeypatch.setattr(ObjectStore, "_delete", lambda *_: None)
    with pytest.raises(ArtifactStoreError, match="still has it"):
        store.erase(NAME)
