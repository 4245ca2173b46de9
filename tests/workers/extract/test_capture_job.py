"""The job of one capture, on fake brokers; test_lease has the tests that need a real one."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import orjson
import pytest
from structlog.testing import capture_logs

from contracts.broker.keys import capture_keys, capture_record
from contracts.rules.codes import AbortCode
from contracts.rules.errors import ArtifactError, BrokerUnavailable
from contracts.state import captures, records
from contracts.state.frame import push_frame
from contracts.state.records import CaptureCounts
from tests.workers.broker_capture import BrokerCapture, FakePipeline, StoppingPipeline, quick, stopped
from tests.workers.vision.test_artifact import OTHER
from workers.extract import capture_job, lease, outcome
from workers.extract.capture_job import CaptureJob
from workers.extract.dispatch import Claimed
from workers.extract.heartbeat import FrameClock
from workers.extract.outcome import OutcomeWriter
from workers.extract.reader import SentFrames
from workers.vision.pipelines.base import Findings, Image


def refs(capture: BrokerCapture) -> dict[str, Any]:
    (event,) = capture.published()
    return dict(orjson.loads(event)["raw_features_ref"])


def test_a_closed_capture_becomes_one_artifact_and_one_event(capture: BrokerCapture) -> None:
    capture.push_greys(6).close()
    assert capture.run() == "published"
    ref = refs(capture)
    assert ref["shape"] == [6, 1662]
    assert ref["hash"] == "sha256:" + hashlib.sha256(capture.path.read_bytes()).hexdigest()
    with np.load(capture.path, allow_pickle=False) as members:
        assert members["seq"].tolist() == [1, 2, 3, 4, 5, 6]
        assert members["timestamps_ms"].tolist() == [100, 200, 300, 400, 500, 600]
        assert members["decoded"].all()
        assert members["features"][:, 0].tolist() == [1, 2, 3, 4, 5, 6]
        assert members["tracker_restarts"].tolist() == []
    record = capture.record()
    assert record.outcome == "published"
    assert record.counts == CaptureCounts(6, 6, {"pose": 6, "left_hand": 0, "right_hand": 0, "face": 6})


def test_nothing_of_a_finished_capture_stays_in_the_frames_role(capture: BrokerCapture) -> None:
    capture.push_greys(3).close()
    capture.run()
    keys = capture_keys(capture.capture_id)
    assert not capture.frames.exists(keys.frames, keys.rows)
    assert capture.state()[b"status"] == b"finished"
    assert capture.pending() == []
    assert not capture.dispatched()


def test_each_frame_is_gone_as_soon_as_its_row_exists(capture: BrokerCapture) -> None:
    capture.push_greys(3)
    depths: list[int] = []

    class Watching(FakePipeline):
        def process(self, image: Image) -> Findings:
            depths.append(capture.depth())
            if self.seen == 2:
                capture.close()
            return super().process(image)

    assert capture.run(capture.dependencies("one", make_pipeline=Watching)) == "published"
    assert depths == [3, 2, 1]


def test_a_frame_that_cannot_be_decoded_has_a_row_of_nan(capture: BrokerCapture) -> None:
    capture.push_greys(1).push(b"\xff\xd8 damaged \xff\xd9").push_greys(1).close()
    assert capture.run() == "published"
    with np.load(capture.path, allow_pickle=False) as members:
        assert members["decoded"].tolist() == [True, False, True]
        assert np.isnan(members["features"][1]).all()
        assert members["features"][:, 0].tolist()[::2] == [1, 2]
    assert capture.record().counts.found == {"pose": 2, "left_hand": 0, "right_hand": 0, "face": 2}


def test_every_capture_has_a_pipeline_of_its_own_that_is_closed(capture: BrokerCapture) -> None:
    made: list[FakePipeline] = []

    def make() -> FakePipeline:
        made.append(FakePipeline())
        return made[-1]

    dependencies = capture.dependencies("one", make_pipeline=make)
    capture.push_greys(2).close()
    capture.run(dependencies)
    second = BrokerCapture(capture.frames, capture.events, capture.data_root, capture.unique)
    second.open(reserve=False).push_greys(2).close()
    second.run(dependencies)
    assert [pipeline.closed for pipeline in made] == [True, True]
    assert [pipeline.seen for pipeline in made] == [2, 2]


@pytest.mark.parametrize("code", ["client_disconnected", "limit_fps_exceeded", "server_shutdown"])
def test_an_abort_entry_ends_the_capture_without_artifact_and_event(capture: BrokerCapture, code: AbortCode) -> None:
    capture.push_greys(3).abort(code)
    assert capture.run() == "aborted"
    record = capture.record()
    assert (record.outcome, record.error_code, record.counts.accepted) == ("aborted", code, 3)
    assert capture.published() == []
    assert capture.files() == []
    assert capture.pending() == []
    assert not capture.dispatched()


def test_an_abort_in_the_middle_is_honoured_though_frames_are_missing(capture: BrokerCapture) -> None:
    capture.push_greys(8)
    pipeline = partial(StoppingPipeline, 2, lambda: capture.abort("session_closed"))
    assert capture.run(capture.dependencies("one", make_pipeline=pipeline)) == "aborted"
    assert capture.record().error_code == "session_closed"
    assert capture.files() == []


def test_the_first_outcome_of_a_capture_is_kept(capture: BrokerCapture) -> None:
    capture.push_greys(2).close()
    capture.call(records.abort(capture.window.user_id, capture.capture_id, "frames_lost"))
    assert capture.run() == "aborted"
    assert capture.record().error_code == "frames_lost"
    assert capture.published() == []
    assert capture.files() == [], "the artifact was never published"
    assert not capture.dispatched()


def test_an_event_that_a_crashed_worker_published_is_the_outcome(
    capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture.push_greys(2).close()
    first = capture.take(capture.dependencies("one"))

    def crash(*_: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(OutcomeWriter, "_finish", crash)
        with pytest.raises(SystemExit):
            CaptureJob(capture.dependencies("one"), first).run()
    assert len(capture.published()) == 1
    artifact = capture.path.read_bytes()
    capture.abandon()
    assert capture.run(capture.dependencies("two")) == "published"
    assert len(capture.published()) == 1
    assert capture.path.read_bytes() == artifact
    assert not capture.dispatched()


def test_a_file_that_was_there_before_the_first_delivery_is_another_captures(capture: BrokerCapture) -> None:
    capture.path.write_bytes(b"precious")
    capture.push_greys(2).close()
    assert capture.run() == "aborted"
    assert capture.record().error_code == "duplicate_capture"
    assert capture.path.read_bytes() == b"precious"
    assert capture.published() == []


def test_even_the_very_same_artifact_is_another_captures_at_the_first_delivery(capture: BrokerCapture) -> None:
    capture.push_greys(2).close()
    capture.run()
    again = BrokerCapture(
        capture.frames, capture.events, capture.data_root, capture.unique, record_id=capture.record_id
    )
    there = capture.path.read_bytes()
    assert again.open(reserve=False).push_greys(2).close().run() == "aborted"
    assert capture.path.read_bytes() == there


def test_a_file_of_other_frames_is_not_used_even_after_a_takeover(capture: BrokerCapture) -> None:
    capture.push_greys(3).close()
    capture.take(capture.dependencies("one"))
    capture.path.write_bytes(OTHER.npz("{}"))
    capture.abandon()
    assert capture.run(capture.dependencies("two")) == "aborted"
    assert capture.record().error_code == "duplicate_capture"
    assert capture.path.read_bytes() == OTHER.npz("{}")


def test_a_takeover_resumes_at_the_first_unextracted_frame_and_notes_the_restart(capture: BrokerCapture) -> None:
    capture.push_greys(6).close()
    die = partial(StoppingPipeline, 4, partial(_raise, SystemExit))
    with pytest.raises(SystemExit):
        capture.run(capture.dependencies("one", make_pipeline=die))
    capture.abandon()
    assert capture.run(capture.dependencies("two")) == "published"
    with np.load(capture.path, allow_pickle=False) as members:
        assert members["features"][:, 0].tolist() == [1, 2, 3, 1, 2, 3], "a new pipeline from frame 4 on"
        assert members["tracker_restarts"].tolist() == [4]
    assert capture.record().counts == CaptureCounts(6, 6, {"pose": 6, "left_hand": 0, "right_hand": 0, "face": 6})


def test_the_artifact_lists_every_takeover(capture: BrokerCapture) -> None:
    capture.push_greys(6).close()
    for consumer in ("one", "two"):
        die = partial(StoppingPipeline, 3, partial(_raise, SystemExit))
        with pytest.raises(SystemExit):
            capture.run(capture.dependencies(consumer, make_pipeline=die))
        capture.abandon()
    assert capture.run(capture.dependencies("three")) == "published"
    with np.load(capture.path, allow_pickle=False) as members:
        assert members["features"][:, 0].tolist() == [1, 2, 1, 2, 1, 2]
        assert members["tracker_restarts"].tolist() == [3, 5]


def test_the_frame_clock_runs_while_a_pipeline_is_made_and_while_it_works(capture: BrokerCapture) -> None:
    capture.push_greys(1).close()
    clock = FrameClock()
    running: list[bool] = []

    class Timed(FakePipeline):
        def __init__(self) -> None:
            super().__init__()
            running.append(clock.elapsed_s() > 0)

        def process(self, image: Image) -> Findings:
            running.append(clock.elapsed_s() > 0)
            return super().process(image)

    assert capture.run(capture.dependencies("one", make_pipeline=Timed, clock=clock)) == "published"
    assert running == [True, True]
    assert clock.elapsed_s() == 0


def test_a_takeover_before_the_first_row_is_no_restart(capture: BrokerCapture) -> None:
    capture.push_greys(3).close()
    capture.take(capture.dependencies("one"))
    capture.abandon()
    assert capture.run(capture.dependencies("two")) == "published"
    with np.load(capture.path, allow_pickle=False) as members:
        assert members["tracker_restarts"].tolist() == []


def test_a_job_without_its_lease_changes_nothing_more(capture: BrokerCapture) -> None:
    capture.push_greys(4).close()
    two = capture.dependencies("two")
    taken: list[Claimed] = []

    def lose() -> None:
        capture.abandon()
        taken.append(capture.take(two))

    first = capture.take(capture.dependencies("one"))
    dependencies = capture.dependencies("one", make_pipeline=partial(StoppingPipeline, 2, lose))
    assert CaptureJob(dependencies, first).run() == "lost"
    assert capture.state()[b"extracted"] == b"1"
    assert capture.files() == [] and capture.published() == []
    assert [entry["consumer"] for entry in capture.pending()] == [b"two"]
    assert CaptureJob(two, taken[0]).run() == "published"


@pytest.mark.parametrize("step", ["write_artifact", "artifact_exists"])
def test_the_token_is_checked_right_before_the_artifact(
    capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    capture.push_greys(2).close()
    claimed = capture.take(capture.dependencies("one"))
    make_matrix = capture_job.Progress.matrix

    def lose(progress: Any) -> Any:
        capture.abandon()
        capture.take(capture.dependencies("two"))
        return make_matrix(progress)

    monkeypatch.setattr(capture_job.Progress, "matrix", lose)
    monkeypatch.setattr(outcome, step, lambda *_: pytest.fail("the lease was lost"))
    assert CaptureJob(capture.dependencies("one"), claimed).run() == "lost"


def test_the_token_is_checked_right_before_the_event(capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch) -> None:
    capture.push_greys(2).close()
    claimed = capture.take(capture.dependencies("one"))
    write = outcome.write_artifact

    def lose(*arguments: Any) -> Any:
        ref = write(*arguments)
        capture.abandon()
        capture.take(capture.dependencies("two"))
        return ref

    monkeypatch.setattr(outcome, "write_artifact", lose)
    assert CaptureJob(capture.dependencies("one"), claimed).run() == "lost"
    assert capture.published() == []
    assert capture.path.exists(), "its new owner uses it"


@pytest.mark.parametrize("seq", [2, 3])
def test_a_gap_in_the_stream_is_extraction_failed(capture: BrokerCapture, seq: int) -> None:
    capture.push_greys(3).close()
    capture.frames.xdel(capture_keys(capture.capture_id).frames, f"{seq}-0")
    assert capture.run() == "aborted"
    record = capture.record()
    assert (record.error_code, record.counts.accepted) == ("extraction_failed", 3)
    assert capture.files() == [] and not capture.dispatched()


def test_a_gap_that_the_new_owner_made_aborts_nothing(capture: BrokerCapture) -> None:
    capture.push_greys(3).close()
    first = capture.take(capture.dependencies("one"))
    capture.abandon()
    capture.take(capture.dependencies("two"))
    capture.frames.xdel(capture_keys(capture.capture_id).frames, "1-0")
    assert CaptureJob(capture.dependencies("one"), first).run() == "lost"
    assert capture.record().outcome == ""


def test_a_pipeline_that_fails_is_tried_three_times_then_the_capture_is_poison(capture: BrokerCapture) -> None:
    capture.push_greys(3).close()
    dependencies = capture.dependencies(
        "one", make_pipeline=partial(StoppingPipeline, 1, partial(_raise, RuntimeError))
    )
    assert [capture.run(dependencies) for _ in range(4)] == ["failed", "failed", "failed", "aborted"]
    record = capture.record()
    assert (record.error_code, record.counts.accepted) == ("extraction_failed", 3)
    assert capture.files() == [] and capture.published() == []
    assert capture.pending() == [] and not capture.dispatched()


def test_a_push_to_a_poisoned_capture_returns_its_code(capture: BrokerCapture) -> None:
    capture.push_greys(2)
    dependencies = capture.dependencies(
        "one", make_pipeline=partial(StoppingPipeline, 1, partial(_raise, RuntimeError))
    )
    while capture.run(dependencies) != "aborted":
        pass
    reply = capture.call(push_frame(capture.item(3, b"late"), capture.limits))
    assert reply.gone == "extraction_failed"


def test_poison_that_left_an_unpublished_artifact_has_it_removed(
    capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture.push_greys(2).close()
    with monkeypatch.context() as patch:
        patch.setattr(outcome, "feature_ref_event", partial(_raise, RuntimeError))
        for _ in range(3):
            assert capture.run() == "failed"
    assert capture.path.exists()
    assert capture.run() == "aborted"
    assert capture.files() == []


def test_an_event_already_published_survives_poison(capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch) -> None:
    capture.push_greys(2).close()
    finish = OutcomeWriter._finish
    with monkeypatch.context() as patch:
        patch.setattr(OutcomeWriter, "_finish", partial(_raise, RuntimeError))
        for _ in range(3):
            assert capture.run() == "failed"
    assert OutcomeWriter._finish is finish
    assert capture.run() == "published"
    assert capture.path.exists() and len(capture.published()) == 1
    assert not capture.dispatched()


def test_a_disk_that_is_not_mounted_is_waited_for(capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch) -> None:
    users, away = capture.data_root / "users", capture.data_root / "away"
    users.rename(away)
    capture.push_greys(2).close()
    write = outcome.write_artifact
    tries: list[int] = []

    def count(*arguments: Any) -> Any:
        tries.append(1)
        if len(tries) == 2:
            away.rename(users)
        return write(*arguments)

    monkeypatch.setattr(outcome, "write_artifact", count)
    assert capture.run(capture.dependencies("one", quick(patience_s=30.0))) == "published"
    assert len(tries) == 2


def test_a_disk_that_stays_away_is_extraction_failed_after_three_deliveries(capture: BrokerCapture) -> None:
    (capture.data_root / "users").rename(capture.data_root / "away")
    capture.push_greys(2).close()
    dependencies = capture.dependencies("one", quick(patience_s=0.0))
    assert [capture.run(dependencies) for _ in range(4)] == ["failed", "failed", "failed", "aborted"]
    assert capture.record().error_code == "extraction_failed"


@pytest.mark.parametrize("missing", ["features", "session", "user"])
def test_a_session_without_its_folder_is_given_up_before_any_work(capture: BrokerCapture, missing: str) -> None:
    features = capture.features_dir
    shutil.rmtree({"features": features, "session": features.parent, "user": features.parents[2]}[missing])
    capture.data_root.joinpath("users", "another").mkdir(exist_ok=True)
    capture.push_greys(2)  # the client still sends, and gets the refusal now
    dependencies = replace(
        capture.dependencies("one", quick(patience_s=600.0)), make_pipeline=partial(_raise, AssertionError("work"))
    )
    assert capture.run(dependencies) == "aborted"
    assert capture.record().error_code == "extraction_failed"
    assert not features.exists() and not capture.dispatched()


def test_a_folder_that_is_removed_while_a_capture_is_extracted_is_not_waited_for(
    capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture.push_greys(2).close()
    write = outcome.write_artifact

    def remove_first(*arguments: Any) -> Any:
        capture.features_dir.rmdir()
        return write(*arguments)

    monkeypatch.setattr(outcome, "write_artifact", remove_first)
    assert capture.run(capture.dependencies("one", quick(patience_s=600.0))) == "aborted"
    record = capture.record()
    assert (record.error_code, record.counts) == ("extraction_failed", replace(record.counts, accepted=2, extracted=2))


def test_an_artifact_that_cannot_be_removed_does_not_keep_the_capture(
    capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture.push_greys(2).close()
    capture.call(records.abort(capture.window.user_id, capture.capture_id, "frames_lost"))
    monkeypatch.setattr(outcome, "remove_artifact", partial(_raise, ArtifactError("read-only")))
    assert capture.run(capture.dependencies("one", quick(patience_s=0.0))) == "aborted"
    assert not capture.dispatched()


def test_a_capture_whose_gateway_is_silent_is_gateway_lost(capture: BrokerCapture) -> None:
    capture.push_greys(2)
    capture.frames.hset(capture_keys(capture.capture_id).state, "touched_ms", 0)
    assert capture.run(capture.dependencies("one", quick(quiet_s=0.05))) == "aborted"
    assert capture.record().error_code == "gateway_lost"
    assert capture.files() == [] and not capture.dispatched()


def test_a_gateway_that_touches_the_capture_is_not_lost(
    capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture.push_greys(2)
    answers: list[str] = []
    ask = SentFrames._end_if_gateway_lost

    def asked(sent: SentFrames) -> None:
        capture.call(captures.watch(capture.capture_id))
        ask(sent)
        answers.append("busy")
        if len(answers) == 2:
            capture.push_greys(1).close()

    monkeypatch.setattr(SentFrames, "_end_if_gateway_lost", asked)
    assert capture.run(capture.dependencies("one", quick(quiet_s=1.0))) == "published"
    assert len(answers) == 2


def test_a_capture_whose_state_is_gone_is_left_alone(capture: BrokerCapture) -> None:
    capture.push_greys(1)
    claimed = capture.take(capture.dependencies("one"))
    capture.frames.delete(*capture_keys(capture.capture_id))
    assert CaptureJob(capture.dependencies("one", quick(quiet_s=0.05)), claimed).run() == "lost"
    assert capture.record().outcome == "", "the sweep gives it its outcome"


def test_a_stopping_process_hands_an_open_capture_back_uncounted(capture: BrokerCapture) -> None:
    capture.push_greys(4)
    dependencies = capture.dependencies("one")
    dependencies = capture.dependencies(
        "one", make_pipeline=partial(StoppingPipeline, 2, dependencies.stop.set), stop=dependencies.stop
    )
    assert capture.run(dependencies) == "handed_back"
    other = capture.dependencies("two")
    claimed = other.dispatch.take()
    assert claimed is not None, "at once, without waiting for the lease"
    assert (claimed.state.deliveries, claimed.state.generation, claimed.state.extracted) == (1, 2, 2)
    capture.close()
    assert CaptureJob(other, claimed).run() == "published"


def test_a_stopping_process_finishes_a_closed_capture_that_is_nearly_done(capture: BrokerCapture) -> None:
    capture.push_greys(4).close()
    claimed = capture.take(capture.dependencies("one"))
    assert CaptureJob(capture.dependencies("one", stop=stopped()), claimed).run() == "published"


def test_a_stopping_process_hands_back_a_closed_capture_that_takes_longer(capture: BrokerCapture) -> None:
    capture.push_greys(4).close()
    claimed = capture.take(capture.dependencies("one"))
    assert CaptureJob(capture.dependencies("one", quick(finish_s=0.2), stop=stopped()), claimed).run() == "handed_back"


@pytest.mark.parametrize("script", ["row", "heartbeat", "publish", "finish_capture", "acknowledge"])
@pytest.mark.parametrize("when", ["before it ran", "after it ran"])
def test_every_step_is_repeated_after_a_broken_connection(
    capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch, script: str, when: str
) -> None:
    capture.push_greys(3).close()
    failed = _break_once(monkeypatch, script, when)
    assert capture.run() == "published"
    assert failed == [script]
    assert len(capture.published()) == 1
    assert capture.record().counts == CaptureCounts(3, 3, {"pose": 3, "left_hand": 0, "right_hand": 0, "face": 3})


@pytest.mark.parametrize("when", ["before it ran", "after it ran"])
@pytest.mark.parametrize("script", ["abort", "end_stream", "finish_capture", "acknowledge"])
def test_every_step_of_an_abort_is_repeated_too(
    capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch, script: str, when: str
) -> None:
    capture.push_greys(3).abort("session_closed")
    failed = _break_once(monkeypatch, script, when)
    assert capture.run() == "aborted"
    assert failed == [script]
    assert capture.record().error_code == "session_closed"


def test_a_process_that_stops_does_not_wait_for_a_broker(
    capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture.push_greys(2).close()
    claimed = capture.take(capture.dependencies("one"))
    monkeypatch.setattr("workers.extract.lease.run_sync", partial(_raise, _unavailable()))
    assert CaptureJob(capture.dependencies("one", stop=stopped()), claimed).run() == "handed_back"


def test_no_log_line_holds_a_payload(capture: BrokerCapture) -> None:
    capture.push(b"\xff\xd8 secret-payload").push_greys(1)
    capture.frames.xadd(capture_keys(capture.capture_id).frames, {"payload": b"secret-payload"}, id="3-0")
    with capture_logs() as lines:
        assert capture.run() == "aborted"
    assert "frame stream broken" in [line["event"] for line in lines]
    assert "secret" not in repr(lines)
    assert capture.record().error_code == "extraction_failed"


def _raise(error: Any, *_: Any, **__: Any) -> Any:
    raise error


def _unavailable() -> Exception:
    return BrokerUnavailable("frames", "gone")


def _break_once(monkeypatch: pytest.MonkeyPatch, script: str, when: str) -> list[str]:
    failed: list[str] = []
    run: Callable[..., Any] = lease.run_sync

    def broken(broker: Any, call: Any) -> Any:
        if call.name != script or failed:
            return run(broker, call)
        failed.append(call.name)
        if when == "after it ran":
            run(broker, call)
        raise _unavailable()

    monkeypatch.setattr(lease, "run_sync", broken)
    return failed


@pytest.mark.parametrize("frames", [0, 3])
def test_no_pipeline_is_made_for_a_capture_that_was_aborted(capture: BrokerCapture, frames: int) -> None:
    def none() -> FakePipeline:
        raise AssertionError("a pipeline was made")

    capture.push_greys(frames).abort("protocol_violation")
    assert capture.run(capture.dependencies("one", make_pipeline=none)) == "aborted"
    record = capture.record()
    assert (record.outcome, record.error_code, record.counts.accepted) == ("aborted", "protocol_violation", frames)
    assert not capture.dispatched()


def test_no_pipeline_is_made_before_there_is_a_frame(capture: BrokerCapture) -> None:
    made: list[int] = []

    def counted() -> FakePipeline:
        made.append(capture.depth())
        return FakePipeline()

    claimed = capture.take(capture.dependencies("one"))
    capture.abort("client_disconnected")  # its gateway aborts it while an extractor has it
    assert CaptureJob(capture.dependencies("one", make_pipeline=counted), claimed).run() == "aborted"
    assert made == []


def test_a_poisoned_capture_whose_abort_fails_is_not_delivered_again_and_again(capture: BrokerCapture) -> None:
    capture.push_greys(1).close()
    capture.frames.hset(capture_keys(capture.capture_id).state, "extracted", 1)
    capture.frames.set(capture_keys(capture.capture_id).rows, "no hash")
    capture.events.delete(capture_record(capture.capture_id))
    capture.events.set(capture_record(capture.capture_id), "no hash")
    dependencies = capture.dependencies("one")
    assert [capture.run(dependencies) for _ in range(4)] == ["failed"] * 4
    assert not capture.dispatched()
