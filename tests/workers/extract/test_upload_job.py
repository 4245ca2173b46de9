"""A capture from an uploaded video has the same lease, rows and outcomes as a capture from a camera."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import fakeredis
import numpy as np
import orjson
import pytest

from contracts.broker import keys
from contracts.broker.script import run_sync
from contracts.rules.errors import VideoError
from contracts.state import captures
from contracts.state.video import CHUNK_BYTES, StoredVideo
from tests.support.clips import grey_video
from tests.workers.broker_capture import BrokerCapture, FakePipeline, StoppingPipeline, quick, stopped
from workers.extract import outcome, upload_job
from workers.extract.capture_job import CaptureJob
from workers.extract.heartbeat import FrameClock
from workers.extract.upload_job import HELD_CHUNKS, StoredFile
from workers.vision.video_cost import MemoryLimit

VIDEO = grey_video(90, 30)  # three seconds, 45 frames of a capture


@pytest.fixture
def capture(tmp_path: Path, unique: str) -> Iterator[BrokerCapture]:
    yield BrokerCapture(fakeredis.FakeRedis(), fakeredis.FakeRedis(), tmp_path / "data", unique)


def meta(capture: BrokerCapture) -> dict[str, object]:
    with np.load(capture.path) as members:
        return dict(orjson.loads(str(members["meta"])))


def test_a_video_becomes_an_artifact_and_an_event_and_nothing_of_it_stays(capture: BrokerCapture) -> None:
    capture.upload(VIDEO)
    assert capture.run() == "published"
    (event,) = capture.published()
    assert orjson.loads(event)["timestamp_end"] == "2026-01-31T12:00:03.000Z"
    assert orjson.loads(event)["raw_features_ref"]["shape"] == [45, 1662]
    assert (meta(capture)["fps_target"], meta(capture)["width"], meta(capture)["height"]) == (15, 64, 48)
    with np.load(capture.path) as members:
        assert members["seq"].tolist() == list(range(1, 46))
        assert members["timestamps_ms"][:4].tolist() == [0, 67, 133, 200]
        assert members["decoded"].all() and members["tracker_restarts"].size == 0
    assert capture.record().counts.accepted == capture.record().counts.extracted == 45
    assert not capture.dispatched() and not capture.video_is_there()


def test_the_same_video_gives_the_same_bytes(capture: BrokerCapture) -> None:
    capture.upload(VIDEO)
    assert capture.run() == "published"
    again = BrokerCapture(
        capture.frames, capture.events, capture.data_root, f"{int(capture.unique, 16) ^ 1:016x}"
    ).upload(VIDEO)
    assert again.run() == "published"
    assert again.path.read_bytes() == capture.path.read_bytes()


def test_a_worker_that_takes_a_video_over_resumes_at_the_first_frame_without_a_row(capture: BrokerCapture) -> None:
    capture.upload(VIDEO)
    first = capture.dependencies("one")
    claimed = capture.take(first)
    crash = StoppingPipeline(20, lambda: (_ for _ in ()).throw(SystemExit))
    with pytest.raises(SystemExit):  # nothing catches it, as nothing catches SIGKILL
        CaptureJob(capture.dependencies("one", make_pipeline=lambda: crash), claimed).run()
    assert capture.video_is_there()
    capture.abandon()
    seen = FakePipeline()
    assert capture.run(capture.dependencies("two", make_pipeline=lambda: seen)) == "published"
    assert seen.seen == 45 - 19
    with np.load(capture.path) as members:
        assert members["tracker_restarts"].tolist() == [20]
        greys = members["features"][:, 1]
    assert np.all(np.diff(greys) > 0), "every picture once, in order"


@pytest.mark.parametrize(
    ("video", "code"),
    [
        (b"\x00\x00\x00\x18ftyp, and then nothing", "not_a_video"),
        (grey_video(15), "limit_duration_too_short"),
        (grey_video(90, 30)[:-3000], "not_a_video"),
        (grey_video(61), "limit_frame_count_exceeded"),  # the fixture's limit is 60 frames
    ],
    ids=["none", "short", "cut off", "too many frames"],
)
def test_a_video_that_cannot_be_a_capture_ends_it_with_its_code(
    capture: BrokerCapture, video: bytes, code: str
) -> None:
    capture.upload(video)
    assert capture.run() == "aborted"
    assert (capture.record().outcome, capture.record().error_code) == ("aborted", code)
    assert capture.files() == [] and capture.published() == []
    assert not capture.dispatched() and not capture.video_is_there()


def test_a_video_that_is_gone_is_frames_lost(capture: BrokerCapture) -> None:
    capture.upload(VIDEO)
    place = capture.window.slot
    assert place is not None
    capture.frames.delete(keys.uploaded_video(place.upload_id))
    assert capture.run() == "aborted"
    assert capture.record().error_code == "frames_lost"


def test_a_video_that_takes_too_long_to_decode_is_given_up(
    capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_job, "DECODE_WITHIN_S", 0.0)
    capture.upload(VIDEO)
    assert capture.run() == "aborted"
    assert capture.record().error_code == "limit_decode_time_exceeded"


class Ended(BaseException):
    """The process has ended."""


def test_a_picture_that_takes_too_long_ends_the_capture_with_the_process_and_is_not_tried_again(
    capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """End the capture as the watchdog does: in its own thread, while the picture is still being decoded."""
    capture.upload(VIDEO)
    dependencies = capture.dependencies("victim")

    @contextmanager
    def stuck(_: MemoryLimit) -> Iterator[None]:
        watchdog = threading.Thread(target=dependencies.clock.before_the_end)
        watchdog.start()
        watchdog.join()
        raise Ended
        yield

    with monkeypatch.context() as patched, pytest.raises(Ended):
        patched.setattr(MemoryLimit, "held", stuck)
        CaptureJob(dependencies, capture.take(dependencies)).run()
    assert (capture.record().outcome, capture.record().error_code) == ("aborted", "limit_decode_time_exceeded")
    assert not capture.dispatched() and not capture.video_is_there()


def test_a_video_that_kills_its_extractors_is_extraction_failed(capture: BrokerCapture) -> None:
    capture.upload(VIDEO)
    for number in range(3):
        capture.take(capture.dependencies(f"victim-{number}"))
        capture.abandon()
    assert capture.run() == "aborted"
    assert capture.record().error_code == "extraction_failed"
    assert not capture.video_is_there()


def test_a_worker_that_stops_hands_its_video_back(capture: BrokerCapture) -> None:
    capture.upload(VIDEO)
    dependencies = capture.dependencies("one", quick(finish_s=0.0), stop=stopped())
    assert CaptureJob(dependencies, capture.take(capture.dependencies("one"))).run() == "handed_back"
    assert capture.state()[b"deliveries"] == b"0"
    assert capture.run(capture.dependencies("two")) == "published"


def dies(*_: object) -> NoReturn:
    """End the worker as SIGKILL does: no handler runs."""
    raise SystemExit


def dies_before_the_artifact(capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that has extracted every frame of a video."""
    capture.upload(VIDEO)
    with monkeypatch.context() as dying, pytest.raises(SystemExit):
        dying.setattr(outcome, "write_artifact", dies)
        CaptureJob(capture.dependencies("one"), capture.take(capture.dependencies("one"))).run()
    capture.abandon()


def test_if_a_worker_dies_between_the_last_frame_and_the_artifact_the_next_one_writes_it(
    capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies_before_the_artifact(capture, monkeypatch)
    unused = FakePipeline()
    assert capture.run(capture.dependencies("two", make_pipeline=lambda: unused)) == "published"
    assert unused.seen == 0 and capture.record().counts.extracted == 45
    with np.load(capture.path) as members:
        assert members["seq"].size == 45 and members["tracker_restarts"].size == 0


def test_a_worker_that_stops_before_its_first_new_frame_hands_the_video_back_at_once(
    capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies_before_the_artifact(capture, monkeypatch)
    assert (
        CaptureJob(capture.dependencies("two", stop=stopped()), capture.take(capture.dependencies("two"))).run()
        == "handed_back"
    )
    assert capture.state()[b"deliveries"] == b"1"
    assert capture.run(capture.dependencies("three")) == "published"


def test_the_state_of_a_video_says_how_many_frames_are_extracted(capture: BrokerCapture) -> None:
    capture.upload(VIDEO)
    look = StoppingPipeline(9, lambda: seen.append(dict(capture.state())))
    seen: list[dict[bytes, bytes]] = []
    assert capture.run(capture.dependencies("one", make_pipeline=lambda: look)) == "published"
    assert (seen[0][b"expected"], seen[0][b"accepted"], seen[0][b"extracted"]) == (b"45", b"0", b"8")


def test_a_camera_s_capture_is_taken_before_a_video_that_waited_longer(capture: BrokerCapture) -> None:
    capture.upload(VIDEO)
    camera = BrokerCapture(
        capture.frames, capture.events, capture.data_root, f"{int(capture.unique, 16) ^ 1:016x}"
    ).open()
    dependencies = capture.dependencies("one")
    camera.take(dependencies)
    capture.take(dependencies)


def test_a_clock_that_is_paused_does_not_count_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("workers.extract.heartbeat.time.monotonic", lambda: now[0])
    clock = FrameClock()
    with clock.frame():
        now[0] += 1
        with clock.paused():
            now[0] += 60
            assert clock.elapsed_s() == 0
        now[0] += 2
        assert clock.elapsed_s() == 3


class Chunks:
    """A video's chunks, and the numbers of those that were read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.asked: list[int] = []

    def __call__(self, number: int) -> bytes | None:
        self.asked.append(number)
        return self.data[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES]

    def file(self, byte_length: int | None = None) -> StoredFile:
        length = len(self.data) if byte_length is None else byte_length
        return StoredFile(StoredVideo(upload_id="u", byte_length=length, min_duration_s=2, max_frames=9), self)


def test_a_stored_file_reads_and_seeks_as_a_file_does_and_holds_few_chunks() -> None:
    data = np.random.default_rng(1).bytes(7 * CHUNK_BYTES + 1234)
    chunks = Chunks(data)
    file = chunks.file()
    assert file.read() == data
    assert chunks.asked == list(range(8))
    for at in (CHUNK_BYTES - 5, 0, len(data) - 3, len(data) + 9):
        file.seek(at)
        assert (file.tell(), file.read(10)) == (at, data[at:][: min(10, CHUNK_BYTES - at % CHUNK_BYTES)])
    assert file.seek(-4, 2) == len(data) - 4
    assert len(file._chunks) == HELD_CHUNKS


@pytest.mark.parametrize("byte_length", [CHUNK_BYTES + 10, 3 * CHUNK_BYTES])
def test_a_chunk_that_is_missing_or_short_is_no_end_of_file(byte_length: int) -> None:
    file = Chunks(bytes(CHUNK_BYTES + 5)).file(byte_length)
    with pytest.raises(VideoError) as lost:
        file.read()
    assert lost.value.code == "frames_lost"


def test_only_the_owner_of_a_capture_sets_its_counts(capture: BrokerCapture) -> None:
    capture.upload(VIDEO)
    capture.take(capture.dependencies("one"))
    assert not run_sync(capture.frames, captures.measure(capture.capture_id, "another", expected=9, accepted=9))
    assert b"expected" not in capture.state()
