"""Captures whose artifacts go to an object store: the same rules as on a disk, and the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fakeredis
import orjson
import pytest

from contracts.process.settings import Settings
from contracts.rules.errors import ArtifactTaken, ConfigurationError, LeaseLost
from contracts.state import records
from contracts.storage.object_store import ObjectStore
from tests.support.s3 import BUCKET, S3Server
from tests.support.waiting import wait_until
from tests.workers.broker_capture import BrokerCapture, quick, stopped
from tests.workers.vision.test_matrix import rows
from workers.extract import extractor, outcome
from workers.extract.capture_job import CaptureJob
from workers.vision.artifact import artifact_store, write_artifact
from workers.vision.local_store import LocalStore
from workers.vision.matrix import FeatureMatrix

MATRIX = FeatureMatrix.of(rows(3), [])
OTHER = FeatureMatrix.of(rows(2), [])
STOPPED = stopped()


class ObjectCapture(BrokerCapture):
    """A capture whose artifact goes to the bucket."""

    server: S3Server

    @property
    def key(self) -> str:
        uri = self.store.uri(f"users/{self.window.user_id}/sessions/{self.session_id}/features/{self.record_id}.npz")
        return uri.removeprefix(f"s3://{BUCKET}/")

    def there(self) -> bytes | None:
        return self.server.get(self.key)

    def reference(self) -> dict[str, Any]:
        (event,) = self.published()
        return dict(orjson.loads(event)["raw_features_ref"])


@pytest.fixture
def capture(s3: S3Server, tmp_path: Path, unique: str) -> ObjectCapture:
    server = fakeredis.FakeServer()
    frames, events = fakeredis.FakeRedis(server=server, db=0), fakeredis.FakeRedis(server=server, db=1)
    store = ObjectStore(f"s3://{BUCKET}/{unique}", attempts=1)
    capture = ObjectCapture(frames, events, tmp_path, unique, objects=store)
    capture.server = s3
    capture.features_dir.rmdir()  # an object store needs no folder
    capture.open()
    return capture


def test_the_settings_say_where_artifacts_go(s3: S3Server, tmp_path: Path) -> None:
    assert isinstance(artifact_store(Settings(data_root=tmp_path)), LocalStore)
    assert str(artifact_store(Settings(artifact_url=f"s3://{BUCKET}/here"))) == f"s3://{BUCKET}/here"


def test_the_same_capture_is_the_same_bytes_in_the_bucket_as_on_a_disk(capture: ObjectCapture, tmp_path: Path) -> None:
    capture.push_greys(4).close()
    assert capture.run() == "published"
    artifact = capture.there()
    assert artifact is not None
    assert list(tmp_path.rglob("*.npz")) == [], "nothing of it is on the disk"
    reference = capture.reference()
    assert reference["uri"] == f"s3://{BUCKET}/{capture.key}"
    assert reference["hash"] == "sha256:" + hashlib.sha256(artifact).hexdigest()

    on_disk = BrokerCapture(capture.frames, capture.events, tmp_path, f"{int(capture.unique, 16) ^ 1:016x}").open()
    on_disk.push_greys(4).close()
    assert on_disk.run() == "published"
    assert on_disk.path.read_bytes() == artifact
    (event,) = on_disk.published()
    assert reference | {"uri": ""} == orjson.loads(event)["raw_features_ref"] | {"uri": ""}


def test_two_workers_that_race_leave_one_object_and_both_use_it(
    capture: ObjectCapture, unique: str, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    created: list[bool] = []
    put_once = ObjectStore.put_once

    def watched(store: ObjectStore, name: str, data: bytes, check: Callable[[], object]) -> bool:
        created.append(put_once(store, name, data, check))
        return created[-1]

    monkeypatch.setattr(ObjectStore, "put_once", watched)
    stores = [ObjectStore(f"s3://{BUCKET}/{unique}", attempts=1) for _ in range(2)] * 2
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda store: write_artifact(store, capture.window, MATRIX), stores))
    assert sorted(created) == [False, False, False, True]
    assert all(reference == found[0] for reference in found)
    there = capture.there()
    assert there is not None and found[0].hash == "sha256:" + hashlib.sha256(there).hexdigest()


def test_another_captures_object_is_never_touched(capture: ObjectCapture) -> None:
    write_artifact(capture.store, capture.window, OTHER)
    there = capture.there()
    with pytest.raises(ArtifactTaken):
        write_artifact(capture.store, capture.window, MATRIX)
    capture.push_greys(2).close()
    assert capture.run() == "aborted"
    assert capture.record().error_code == "duplicate_capture"
    assert capture.there() == there is not None
    assert capture.published() == []


def test_a_worker_that_dies_between_the_object_and_the_event_is_taken_over(
    capture: ObjectCapture, monkeypatch: pytest.MonkeyPatch, s3: S3Server
) -> None:
    capture.push_greys(3).close()
    write = outcome.write_artifact

    def die(*arguments: Any) -> Any:
        write(*arguments)
        capture.abandon()
        raise LeaseLost

    with monkeypatch.context() as patch:
        patch.setattr(outcome, "write_artifact", die)
        assert capture.run() == "lost"
    first = capture.there()
    assert first is not None and capture.published() == []
    assert capture.run(capture.dependencies("two")) == "published"
    assert capture.there() == first, "its new owner uses it"
    assert capture.reference()["hash"] == "sha256:" + hashlib.sha256(first).hexdigest()


def test_a_put_whose_answer_is_lost_is_no_other_captures(capture: ObjectCapture, s3: S3Server) -> None:
    capture.push_greys(2).close()
    s3.loses_replies_to = "PUT"
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(capture.run, capture.dependencies("one", quick(patience_s=30.0)))
        wait_until(lambda: capture.there() is not None)
        s3.loses_replies_to = ""
        assert job.result() == "published"


def test_a_store_that_is_away_is_waited_for_and_the_capture_published(capture: ObjectCapture, s3: S3Server) -> None:
    capture.push_greys(2).close()
    s3.stop()
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(capture.run, capture.dependencies("one", quick(patience_s=30.0)))
        wait_until(lambda: capture.state()[b"extracted"] == b"2")
        assert not job.done() and capture.published() == []
        s3.start()
        assert job.result() == "published"
    assert capture.there() is not None


def test_a_store_that_stays_away_is_extraction_failed_in_the_end(capture: ObjectCapture, s3: S3Server) -> None:
    capture.push_greys(2).close()
    s3.refuses = 503
    dependencies = capture.dependencies("one", quick(patience_s=0.0))
    assert [capture.run(dependencies) for _ in range(4)] == ["failed", "failed", "failed", "aborted"]
    assert capture.record().error_code == "extraction_failed"


def test_an_unpublished_object_of_an_aborted_capture_is_removed(capture: ObjectCapture) -> None:
    capture.push_greys(2).close()
    claimed = capture.take(capture.dependencies("one"))
    capture.call(records.abort(capture.window.user_id, capture.capture_id, "frames_lost"))
    assert CaptureJob(capture.dependencies("one"), claimed).run() == "aborted"
    assert capture.there() is None
    assert capture.server.count("PUT", ".npz") == 1, "it was there"


def test_an_extractor_takes_no_capture_before_its_store_answers_and_passes_the_check(s3: S3Server, unique: str) -> None:
    store = ObjectStore(f"s3://{BUCKET}/{unique}", attempts=1)
    s3.refuses = 503
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(extractor._wait_for, store, type(STOPPED)())
        wait_until(lambda: len(s3.asked) >= 3)
        assert not waiting.done()
        s3.refuses = 0
        waiting.result()
    s3.refuses = 503
    extractor._wait_for(store, STOPPED)  # an extractor that stops does not wait for the store
    s3.refuses, s3.conditional = 0, False
    with pytest.raises(ConfigurationError, match="conditional writes"):
        extractor._wait_for(store, type(STOPPED)())
