"""An artifact that was erased is not written again: by an extractor that takes a published capture over, or by one that
lost its lease and writes late."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import fakeredis
import pytest

from contracts.rules.errors import LeaseLost, StreamBroken
from contracts.state import erasures, records
from contracts.state.erasures import ErasureRequest
from contracts.state.events import EventEntry, event_bytes
from contracts.state.records import CaptureCounts
from contracts.storage.object_store import ObjectStore
from tests.support.s3 import VERSIONED, S3Server
from tests.workers.broker_capture import BrokerCapture
from workers.extract import outcome
from workers.extract.capture_job import CaptureJob
from workers.extract.outcome import OutcomeWriter, feature_ref_event
from workers.vision import local_store
from workers.vision.artifact import erase_artifact


def erase(capture: BrokerCapture) -> None:
    """Erase the capture's artifact, as an eraser does, up to its event."""
    window = capture.window
    name = f"users/{window.user_id}/sessions/{window.session_id}/features/{window.record_id}.npz"
    uri = capture.store.uri(name)
    capture.call(
        erasures.allow(
            ErasureRequest(
                capture.capture_id, window.user_id, window.session_id, window.record_id, uri, "sha256:" + "0" * 64
            )
        )
    )
    erase_artifact([capture.store], window.user_id, window.session_id, window.record_id, uri)


def go_on_elsewhere(capture: BrokerCapture) -> None:
    """Another extractor takes the capture over and publishes it; then its artifact is erased."""
    capture.abandon()
    assert capture.run(capture.dependencies("two")) == "published"
    erase(capture)


def once(step: Callable[[], None]) -> Callable[[], None]:
    """The step, at the first call only: the other extractor comes through the same code."""
    steps = [step]

    def run() -> None:
        if steps:
            steps.pop()()

    return run


def publish_and_die(capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch) -> None:
    """An extractor publishes the capture and is killed before it acknowledges that."""

    def crash(*_: Any) -> None:
        raise SystemExit

    capture.push_greys(2).close()
    first = capture.take(capture.dependencies("one"))
    with monkeypatch.context() as patch:
        patch.setattr(OutcomeWriter, "_finish", crash)
        with pytest.raises(SystemExit):
            CaptureJob(capture.dependencies("one"), first).run()


def test_a_takeover_of_a_capture_that_was_published_and_erased_writes_nothing(
    capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_and_die(capture, monkeypatch)
    erase(capture)
    capture.abandon()
    monkeypatch.setattr(outcome, "write_artifact", lambda *_: pytest.fail("the artifact is erased"))
    assert capture.run(capture.dependencies("two")) == "published"
    assert capture.files() == []
    assert len(capture.published()) == 1
    assert not capture.dispatched()


@pytest.mark.parametrize("aborts", [False, True])
def test_what_a_killed_takeover_wrote_after_the_erasure_is_removed_by_the_next(
    capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch, aborts: bool
) -> None:
    publish_and_die(capture, monkeypatch)
    written = capture.path.read_bytes()
    erase(capture)
    capture.path.write_bytes(written)  # by a second extractor, which was killed before it looked for the note
    capture.abandon()
    claimed = capture.take(capture.dependencies("three"))
    if aborts:
        monkeypatch.setattr(CaptureJob, "_extract", mock.Mock(side_effect=StreamBroken("broken")))
    assert CaptureJob(capture.dependencies("three"), claimed).run() == "published"
    assert capture.files() == []
    assert len(capture.published()) == 1


def test_a_takeover_that_writes_after_its_predecessor_s_artifact_was_erased_removes_its_own(
    capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = outcome.write_artifact

    def published_and_erased_meanwhile(*arguments: Any) -> Any:
        event = event_bytes(feature_ref_event(capture.window, capture.timestamp_end, write(*arguments)))
        entry = EventEntry(event, capture.window.user_id, capture.session_id, capture.record_id, capture.capture_id)
        capture.call(records.publish(entry, CaptureCounts()))
        erase(capture)
        return write(*arguments)

    capture.push_greys(2).close()
    capture.take(capture.dependencies("one"))
    capture.abandon()
    monkeypatch.setattr(outcome, "write_artifact", published_and_erased_meanwhile)
    assert capture.run(capture.dependencies("two")) == "published"
    assert capture.files() == []
    assert len(capture.published()) == 1


MOMENTS = ["_write_synced", "os.link"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_writer_that_is_paused_in_the_middle_of_a_write_cannot_finish_it_after_the_erasure(
    capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    capture.push_greys(2).close()
    claimed = capture.take(capture.dependencies("one"))
    pause = once(lambda: go_on_elsewhere(capture))
    write, link = local_store._write_synced, local_store.os.link

    def write_and_pause(*arguments: Any) -> None:
        write(*arguments)
        pause()

    def pause_and_link(*arguments: Any) -> None:
        pause()
        link(*arguments)

    if moment == "os.link":  # after the lease was checked
        monkeypatch.setattr(local_store.os, "link", pause_and_link)
    else:
        monkeypatch.setattr(local_store, "_write_synced", write_and_pause)
    assert CaptureJob(capture.dependencies("one"), claimed).run() == "lost"
    assert capture.files() == []
    assert len(capture.published()) == 1


def test_a_late_object_is_removed_with_its_versions_by_the_extractor_that_wrote_it(
    s3: S3Server, tmp_path: Path, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames, events = fakeredis.FakeRedis(), fakeredis.FakeRedis(server=fakeredis.FakeServer())
    s3.make_versioned_bucket()
    store = ObjectStore(f"s3://{VERSIONED}/{unique}", attempts=1)
    capture = BrokerCapture(frames, events, tmp_path, unique, objects=store).open()
    capture.push_greys(2).close()
    claimed = capture.take(capture.dependencies("one"))
    pause = once(lambda: go_on_elsewhere(capture))
    put_once = ObjectStore.put_once

    def paused(store: ObjectStore, name: str, data: bytes, check: Callable[[], object]) -> bool:
        check()
        pause()
        return put_once(store, name, data)

    monkeypatch.setattr(ObjectStore, "put_once", paused)
    assert CaptureJob(capture.dependencies("one"), claimed).run() == "lost"
    assert s3.versions(unique) == 0
    assert len(capture.published()) == 1


def test_a_late_artifact_that_is_not_erased_stays_for_the_next_owner(
    capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture.push_greys(2).close()
    write = outcome.write_artifact

    def lose(*arguments: Any) -> Any:
        write(*arguments)
        capture.abandon()
        raise LeaseLost

    with monkeypatch.context() as patch:
        patch.setattr(outcome, "write_artifact", lose)
        assert capture.run() == "lost"
    assert capture.files() == [capture.path.name]
