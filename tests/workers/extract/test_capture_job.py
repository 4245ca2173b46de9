"""The life of one capture, on fake brokers; what needs a real one is in test_lease and test_takeover."""

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
from tests.workers.stage import FakePipeline, Stage, StoppingPipeline, quick, stopped
from tests.workers.vision.test_artifact import OTHER
from workers.extract import capture_job, retries
from workers.extract.capture_job import CaptureJob
from workers.extract.heartbeat import FrameClock
from workers.extract.lease import Claimed
from workers.extract.reader import SentFrames
from workers.vision.pipelines.base import Findings, Image


def refs(stage: Stage) -> dict[str, Any]:
    (event,) = stage.published()
    return dict(orjson.loads(event)["raw_features_ref"])


def test_a_closed_capture_becomes_one_artifact_and_one_event(stage: Stage) -> None:
    stage.push_greys(6).close()
    assert stage.run() == "published"
    ref = refs(stage)
    assert ref["shape"] == [6, 1662]
    assert ref["hash"] == "sha256:" + hashlib.sha256(stage.path.read_bytes()).hexdigest()
    with np.load(stage.path, allow_pickle=False) as members:
        assert members["seq"].tolist() == [1, 2, 3, 4, 5, 6]
        assert members["timestamps_ms"].tolist() == [100, 200, 300, 400, 500, 600]
        assert members["decoded"].all()
        assert members["features"][:, 0].tolist() == [1, 2, 3, 4, 5, 6]
        assert members["tracker_restarts"].tolist() == []
    record = stage.record()
    assert record.outcome == "published"
    assert record.counts == CaptureCounts(6, 6, {"pose": 6, "left_hand": 0, "right_hand": 0, "face": 6})


def test_nothing_of_a_finished_capture_stays_in_the_frames_role(stage: Stage) -> None:
    stage.push_greys(3).close()
    stage.run()
    keys = capture_keys(stage.capture_id)
    assert not stage.frames.exists(keys.frames, keys.rows)
    assert stage.state()[b"status"] == b"finished"
    assert stage.pending() == []
    assert not stage.dispatched()


def test_each_frame_is_gone_as_soon_as_its_row_exists(stage: Stage) -> None:
    stage.push_greys(3)
    depths: list[int] = []

    class Watching(FakePipeline):
        def process(self, image: Image) -> Findings:
            depths.append(stage.depth())
            if self.seen == 2:
                stage.close()
            return super().process(image)

    assert stage.run(stage.dependencies("one", make_pipeline=Watching)) == "published"
    assert depths == [3, 2, 1]


def test_a_frame_that_cannot_be_decoded_has_a_row_of_nan(stage: Stage) -> None:
    stage.push_greys(1).push(b"\xff\xd8 damaged \xff\xd9").push_greys(1).close()
    assert stage.run() == "published"
    with np.load(stage.path, allow_pickle=False) as members:
        assert members["decoded"].tolist() == [True, False, True]
        assert np.isnan(members["features"][1]).all()
        assert members["features"][:, 0].tolist()[::2] == [1, 2]
    assert stage.record().counts.found == {"pose": 2, "left_hand": 0, "right_hand": 0, "face": 2}


def test_every_capture_has_a_pipeline_of_its_own_that_is_closed(stage: Stage) -> None:
    made: list[FakePipeline] = []

    def make() -> FakePipeline:
        made.append(FakePipeline())
        return made[-1]

    dependencies = stage.dependencies("one", make_pipeline=make)
    stage.push_greys(2).close()
    stage.run(dependencies)
    second = Stage(stage.frames, stage.events, stage.data_root, stage.unique)
    second.open(reserve=False).push_greys(2).close()
    second.run(dependencies)
    assert [pipeline.closed for pipeline in made] == [True, True]
    assert [pipeline.seen for pipeline in made] == [2, 2]


@pytest.mark.parametrize("code", ["client_disconnected", "limit_fps_exceeded", "server_shutdown"])
def test_an_abort_entry_ends_the_capture_without_artifact_and_event(stage: Stage, code: AbortCode) -> None:
    stage.push_greys(3).abort(code)
    assert stage.run() == "aborted"
    record = stage.record()
    assert (record.outcome, record.error_code, record.counts.accepted) == ("aborted", code, 3)
    assert stage.published() == []
    assert stage.files() == []
    assert stage.pending() == []
    assert not stage.dispatched()


def test_an_abort_in_the_middle_is_honoured_though_frames_are_missing(stage: Stage) -> None:
    stage.push_greys(8)
    pipeline = partial(StoppingPipeline, 2, lambda: stage.abort("session_closed"))
    assert stage.run(stage.dependencies("one", make_pipeline=pipeline)) == "aborted"
    assert stage.record().error_code == "session_closed"
    assert stage.files() == []


def test_the_outcome_that_is_there_stands(stage: Stage) -> None:
    stage.push_greys(2).close()
    stage.call(records.abort(stage.window.user_id, stage.capture_id, "frames_lost"))
    assert stage.run() == "aborted"
    assert stage.record().error_code == "frames_lost"
    assert stage.published() == []
    assert stage.files() == [], "the artifact was never published"
    assert not stage.dispatched()


def test_an_event_published_by_someone_else_is_fine(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.push_greys(2).close()
    first = stage.take(stage.dependencies("one"))

    def crash(*_: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(CaptureJob, "_finish", crash)
        with pytest.raises(SystemExit):
            CaptureJob(stage.dependencies("one"), first).run()
    assert len(stage.published()) == 1
    artifact = stage.path.read_bytes()
    stage.abandon()
    assert stage.run(stage.dependencies("two")) == "published"
    assert len(stage.published()) == 1
    assert stage.path.read_bytes() == artifact
    assert not stage.dispatched()


def test_a_file_that_was_there_before_the_first_delivery_is_another_captures(stage: Stage) -> None:
    stage.path.write_bytes(b"precious")
    stage.push_greys(2).close()
    assert stage.run() == "aborted"
    assert stage.record().error_code == "duplicate_capture"
    assert stage.path.read_bytes() == b"precious"
    assert stage.published() == []


def test_even_the_very_same_artifact_is_another_captures_at_the_first_delivery(stage: Stage) -> None:
    stage.push_greys(2).close()
    stage.run()
    again = Stage(stage.frames, stage.events, stage.data_root, stage.unique, record_id=stage.record_id)
    there = stage.path.read_bytes()
    assert again.open(reserve=False).push_greys(2).close().run() == "aborted"
    assert stage.path.read_bytes() == there


def test_a_file_of_other_frames_is_not_used_after_a_takeover_either(stage: Stage) -> None:
    stage.push_greys(3).close()
    stage.take(stage.dependencies("one"))
    stage.path.write_bytes(OTHER.npz("{}"))
    stage.abandon()
    assert stage.run(stage.dependencies("two")) == "aborted"
    assert stage.record().error_code == "duplicate_capture"
    assert stage.path.read_bytes() == OTHER.npz("{}")


def test_a_takeover_resumes_at_the_first_unextracted_frame_and_says_so(stage: Stage) -> None:
    stage.push_greys(6).close()
    die = partial(StoppingPipeline, 4, partial(_raise, SystemExit))
    with pytest.raises(SystemExit):
        stage.run(stage.dependencies("one", make_pipeline=die))
    stage.abandon()
    assert stage.run(stage.dependencies("two")) == "published"
    with np.load(stage.path, allow_pickle=False) as members:
        assert members["features"][:, 0].tolist() == [1, 2, 3, 1, 2, 3], "a fresh pipeline from frame 4 on"
        assert members["tracker_restarts"].tolist() == [4]
    assert stage.record().counts == CaptureCounts(6, 6, {"pose": 6, "left_hand": 0, "right_hand": 0, "face": 6})


def test_every_takeover_is_noted_and_none_forgotten(stage: Stage) -> None:
    stage.push_greys(6).close()
    for consumer in ("one", "two"):
        die = partial(StoppingPipeline, 3, partial(_raise, SystemExit))
        with pytest.raises(SystemExit):
            stage.run(stage.dependencies(consumer, make_pipeline=die))
        stage.abandon()
    assert stage.run(stage.dependencies("three")) == "published"
    with np.load(stage.path, allow_pickle=False) as members:
        assert members["features"][:, 0].tolist() == [1, 2, 1, 2, 1, 2]
        assert members["tracker_restarts"].tolist() == [3, 5]


def test_the_frame_clock_runs_while_a_pipeline_is_made_and_while_it_works(stage: Stage) -> None:
    stage.push_greys(1).close()
    clock = FrameClock()
    running: list[bool] = []

    class Timed(FakePipeline):
        def __init__(self) -> None:
            super().__init__()
            running.append(clock.elapsed_s() > 0)

        def process(self, image: Image) -> Findings:
            running.append(clock.elapsed_s() > 0)
            return super().process(image)

    assert stage.run(stage.dependencies("one", make_pipeline=Timed, clock=clock)) == "published"
    assert running == [True, True]
    assert clock.elapsed_s() == 0


def test_a_takeover_before_the_first_row_is_no_restart(stage: Stage) -> None:
    stage.push_greys(3).close()
    stage.take(stage.dependencies("one"))
    stage.abandon()
    assert stage.run(stage.dependencies("two")) == "published"
    with np.load(stage.path, allow_pickle=False) as members:
        assert members["tracker_restarts"].tolist() == []


def test_a_job_without_its_lease_changes_nothing_more(stage: Stage) -> None:
    stage.push_greys(4).close()
    two = stage.dependencies("two")
    taken: list[Claimed] = []

    def lose() -> None:
        stage.abandon()
        taken.append(stage.take(two))

    first = stage.take(stage.dependencies("one"))
    dependencies = stage.dependencies("one", make_pipeline=partial(StoppingPipeline, 2, lose))
    assert CaptureJob(dependencies, first).run() == "lost"
    assert stage.state()[b"extracted"] == b"1"
    assert stage.files() == [] and stage.published() == []
    assert [entry["consumer"] for entry in stage.pending()] == [b"two"]
    assert CaptureJob(two, taken[0]).run() == "published"


@pytest.mark.parametrize("step", ["write_artifact", "artifact_exists"])
def test_the_token_is_checked_right_before_the_artifact(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    stage.push_greys(2).close()
    claimed = stage.take(stage.dependencies("one"))
    make_matrix = capture_job.Progress.matrix

    def lose(progress: Any) -> Any:
        stage.abandon()
        stage.take(stage.dependencies("two"))
        return make_matrix(progress)

    monkeypatch.setattr(capture_job.Progress, "matrix", lose)
    monkeypatch.setattr(capture_job, step, lambda *_: pytest.fail("the lease was lost"))
    assert CaptureJob(stage.dependencies("one"), claimed).run() == "lost"


def test_the_token_is_checked_right_before_the_event(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.push_greys(2).close()
    claimed = stage.take(stage.dependencies("one"))
    write = capture_job.write_artifact

    def lose(*arguments: Any) -> Any:
        ref = write(*arguments)
        stage.abandon()
        stage.take(stage.dependencies("two"))
        return ref

    monkeypatch.setattr(capture_job, "write_artifact", lose)
    assert CaptureJob(stage.dependencies("one"), claimed).run() == "lost"
    assert stage.published() == []
    assert stage.path.exists(), "its new owner uses it"


@pytest.mark.parametrize("seq", [2, 3])
def test_a_gap_in_the_stream_is_extraction_failed(stage: Stage, seq: int) -> None:
    stage.push_greys(3).close()
    stage.frames.xdel(capture_keys(stage.capture_id).frames, f"{seq}-0")
    assert stage.run() == "aborted"
    record = stage.record()
    assert (record.error_code, record.counts.accepted) == ("extraction_failed", 3)
    assert stage.files() == [] and not stage.dispatched()


def test_a_gap_that_the_new_owner_made_aborts_nothing(stage: Stage) -> None:
    stage.push_greys(3).close()
    first = stage.take(stage.dependencies("one"))
    stage.abandon()
    stage.take(stage.dependencies("two"))
    stage.frames.xdel(capture_keys(stage.capture_id).frames, "1-0")
    assert CaptureJob(stage.dependencies("one"), first).run() == "lost"
    assert stage.record().outcome == ""


def test_a_pipeline_that_fails_is_tried_three_times_then_the_capture_is_poison(stage: Stage) -> None:
    stage.push_greys(3).close()
    dependencies = stage.dependencies("one", make_pipeline=partial(StoppingPipeline, 1, partial(_raise, RuntimeError)))
    assert [stage.run(dependencies) for _ in range(4)] == ["failed", "failed", "failed", "aborted"]
    record = stage.record()
    assert (record.error_code, record.counts.accepted) == ("extraction_failed", 3)
    assert stage.files() == [] and stage.published() == []
    assert stage.pending() == [] and not stage.dispatched()


def test_a_push_to_a_poisoned_capture_is_told_why(stage: Stage) -> None:
    stage.push_greys(2)
    dependencies = stage.dependencies("one", make_pipeline=partial(StoppingPipeline, 1, partial(_raise, RuntimeError)))
    while stage.run(dependencies) != "aborted":
        pass
    reply = stage.call(push_frame(stage.item(3, b"late"), stage.limits))
    assert reply.gone == "extraction_failed"


def test_poison_that_left_an_unpublished_artifact_has_it_removed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.push_greys(2).close()
    with monkeypatch.context() as patch:
        patch.setattr(capture_job, "feature_ref_event", partial(_raise, RuntimeError))
        for _ in range(3):
            assert stage.run() == "failed"
    assert stage.path.exists()
    assert stage.run() == "aborted"
    assert stage.files() == []


def test_an_event_already_published_survives_poison(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.push_greys(2).close()
    finish = CaptureJob._finish
    with monkeypatch.context() as patch:
        patch.setattr(CaptureJob, "_finish", partial(_raise, RuntimeError))
        for _ in range(3):
            assert stage.run() == "failed"
    assert CaptureJob._finish is finish
    assert stage.run() == "published"
    assert stage.path.exists() and len(stage.published()) == 1
    assert not stage.dispatched()


def test_a_disk_that_is_not_mounted_is_waited_for(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    users, away = stage.data_root / "users", stage.data_root / "away"
    users.rename(away)
    stage.push_greys(2).close()
    write = capture_job.write_artifact
    tries: list[int] = []

    def count(*arguments: Any) -> Any:
        tries.append(1)
        if len(tries) == 2:
            away.rename(users)
        return write(*arguments)

    monkeypatch.setattr(capture_job, "write_artifact", count)
    assert stage.run(stage.dependencies("one", quick(patience_s=30.0))) == "published"
    assert len(tries) == 2


def test_a_disk_that_stays_away_is_extraction_failed_after_three_deliveries(stage: Stage) -> None:
    (stage.data_root / "users").rename(stage.data_root / "away")
    stage.push_greys(2).close()
    dependencies = stage.dependencies("one", quick(patience_s=0.0))
    assert [stage.run(dependencies) for _ in range(4)] == ["failed", "failed", "failed", "aborted"]
    assert stage.record().error_code == "extraction_failed"


@pytest.mark.parametrize("missing", ["features", "session", "user"])
def test_a_session_without_its_folder_is_given_up_before_any_work(stage: Stage, missing: str) -> None:
    features = stage.features_dir
    shutil.rmtree({"features": features, "session": features.parent, "user": features.parents[2]}[missing])
    stage.data_root.joinpath("users", "another").mkdir(exist_ok=True)
    stage.push_greys(2)  # its client still sends: it is told now, not when it is done
    dependencies = replace(
        stage.dependencies("one", quick(patience_s=600.0)), make_pipeline=partial(_raise, AssertionError("work"))
    )
    assert stage.run(dependencies) == "aborted"
    assert stage.record().error_code == "extraction_failed"
    assert not features.exists() and not stage.dispatched()


def test_a_folder_that_is_removed_while_a_capture_is_extracted_is_not_waited_for(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.push_greys(2).close()
    write = capture_job.write_artifact

    def remove_first(*arguments: Any) -> Any:
        stage.features_dir.rmdir()
        return write(*arguments)

    monkeypatch.setattr(capture_job, "write_artifact", remove_first)
    assert stage.run(stage.dependencies("one", quick(patience_s=600.0))) == "aborted"
    record = stage.record()
    assert (record.error_code, record.counts) == ("extraction_failed", replace(record.counts, accepted=2, extracted=2))


def test_an_artifact_that_cannot_be_removed_does_not_keep_the_capture(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.push_greys(2).close()
    stage.call(records.abort(stage.window.user_id, stage.capture_id, "frames_lost"))
    monkeypatch.setattr(capture_job, "remove_artifact", partial(_raise, ArtifactError("read-only")))
    assert stage.run(stage.dependencies("one", quick(patience_s=0.0))) == "aborted"
    assert not stage.dispatched()


def test_a_capture_whose_gateway_is_silent_is_gateway_lost(stage: Stage) -> None:
    stage.push_greys(2)
    stage.frames.hset(capture_keys(stage.capture_id).state, "touched_ms", 0)
    assert stage.run(stage.dependencies("one", quick(quiet_s=0.05))) == "aborted"
    assert stage.record().error_code == "gateway_lost"
    assert stage.files() == [] and not stage.dispatched()


def test_a_gateway_that_touches_the_capture_is_not_lost(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.push_greys(2)
    answers: list[str] = []
    ask = SentFrames._end_if_gateway_lost

    def asked(sent: SentFrames) -> None:
        stage.call(captures.watch(stage.capture_id))
        ask(sent)
        answers.append("busy")
        if len(answers) == 2:
            stage.push_greys(1).close()

    monkeypatch.setattr(SentFrames, "_end_if_gateway_lost", asked)
    assert stage.run(stage.dependencies("one", quick(quiet_s=1.0))) == "published"
    assert len(answers) == 2


def test_a_capture_whose_state_is_gone_is_left_alone(stage: Stage) -> None:
    stage.push_greys(1)
    claimed = stage.take(stage.dependencies("one"))
    stage.frames.delete(*capture_keys(stage.capture_id))
    assert CaptureJob(stage.dependencies("one", quick(quiet_s=0.05)), claimed).run() == "lost"
    assert stage.record().outcome == "", "the sweep gives it its outcome"


def test_a_stopping_process_hands_an_open_capture_back_uncounted(stage: Stage) -> None:
    stage.push_greys(4)
    dependencies = stage.dependencies("one")
    dependencies = stage.dependencies(
        "one", make_pipeline=partial(StoppingPipeline, 2, dependencies.stop.set), stop=dependencies.stop
    )
    assert stage.run(dependencies) == "handed_back"
    other = stage.dependencies("two")
    claimed = other.dispatch.take()
    assert claimed is not None, "at once, without waiting for the lease"
    assert (claimed.state.deliveries, claimed.state.generation, claimed.state.extracted) == (1, 2, 2)
    stage.close()
    assert CaptureJob(other, claimed).run() == "published"


def test_a_stopping_process_finishes_a_closed_capture_that_is_nearly_done(stage: Stage) -> None:
    stage.push_greys(4).close()
    claimed = stage.take(stage.dependencies("one"))
    assert CaptureJob(stage.dependencies("one", stop=stopped()), claimed).run() == "published"


def test_a_stopping_process_hands_back_a_closed_capture_that_takes_longer(stage: Stage) -> None:
    stage.push_greys(4).close()
    claimed = stage.take(stage.dependencies("one"))
    assert CaptureJob(stage.dependencies("one", quick(finish_s=0.2), stop=stopped()), claimed).run() == "handed_back"


@pytest.mark.parametrize("script", ["row", "heartbeat", "publish", "finish_capture"])
@pytest.mark.parametrize("when", ["before it ran", "after it ran"])
def test_every_step_is_repeated_after_a_broken_connection(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, script: str, when: str
) -> None:
    stage.push_greys(3).close()
    failed = _break_once(monkeypatch, script, when)
    assert stage.run() == "published"
    assert failed == [script]
    assert len(stage.published()) == 1
    assert stage.record().counts == CaptureCounts(3, 3, {"pose": 3, "left_hand": 0, "right_hand": 0, "face": 3})


@pytest.mark.parametrize("when", ["before it ran", "after it ran"])
@pytest.mark.parametrize("script", ["abort", "end_stream", "finish_capture"])
def test_every_step_of_an_abort_is_repeated_too(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, script: str, when: str
) -> None:
    stage.push_greys(3).abort("session_closed")
    failed = _break_once(monkeypatch, script, when)
    assert stage.run() == "aborted"
    assert failed == [script]
    assert stage.record().error_code == "session_closed"


def test_a_process_told_to_stop_does_not_wait_for_a_broker(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.push_greys(2).close()
    claimed = stage.take(stage.dependencies("one"))
    monkeypatch.setattr("workers.extract.retries.run_sync", partial(_raise, _unavailable()))
    assert CaptureJob(stage.dependencies("one", stop=stopped()), claimed).run() == "handed_back"


def test_no_log_line_holds_a_payload(stage: Stage) -> None:
    stage.push(b"\xff\xd8 secret-payload").push_greys(1)
    stage.frames.xadd(capture_keys(stage.capture_id).frames, {"payload": b"secret-payload"}, id="3-0")
    with capture_logs() as lines:
        assert stage.run() == "aborted"
    assert "frame stream broken" in [line["event"] for line in lines]
    assert "secret" not in repr(lines)
    assert stage.record().error_code == "extraction_failed"


def _raise(error: Any, *_: Any, **__: Any) -> Any:
    raise error


def _unavailable() -> Exception:
    return BrokerUnavailable("frames", "gone")


def _break_once(monkeypatch: pytest.MonkeyPatch, script: str, when: str) -> list[str]:
    failed: list[str] = []
    run: Callable[..., Any] = retries.run_sync

    def broken(broker: Any, call: Any) -> Any:
        if call.name != script or failed:
            return run(broker, call)
        failed.append(call.name)
        if when == "after it ran":
            run(broker, call)
        raise _unavailable()

    monkeypatch.setattr(retries, "run_sync", broken)
    return failed


@pytest.mark.parametrize("frames", [0, 3])
def test_no_pipeline_is_made_for_a_capture_that_was_aborted(stage: Stage, frames: int) -> None:
    def none() -> FakePipeline:
        raise AssertionError("a pipeline was made")

    stage.push_greys(frames).abort("protocol_violation")
    assert stage.run(stage.dependencies("one", make_pipeline=none)) == "aborted"
    record = stage.record()
    assert (record.outcome, record.error_code, record.counts.accepted) == ("aborted", "protocol_violation", frames)
    assert not stage.dispatched()


def test_no_pipeline_is_made_before_there_is_a_frame(stage: Stage) -> None:
    made: list[int] = []

    def counted() -> FakePipeline:
        made.append(stage.depth())
        return FakePipeline()

    claimed = stage.take(stage.dependencies("one"))
    stage.abort("client_disconnected")  # its gateway aborts it while an extractor has it
    assert CaptureJob(stage.dependencies("one", make_pipeline=counted), claimed).run() == "aborted"
    assert made == []


def test_a_poisoned_capture_whose_abort_fails_too_is_not_delivered_for_ever(stage: Stage) -> None:
    stage.push_greys(1).close()
    stage.frames.hset(capture_keys(stage.capture_id).state, "extracted", 1)
    stage.frames.set(capture_keys(stage.capture_id).rows, "no hash")
    stage.events.delete(capture_record(stage.capture_id))
    stage.events.set(capture_record(stage.capture_id), "no hash")
    dependencies = stage.dependencies("one")
    assert [stage.run(dependencies) for _ in range(4)] == ["failed"] * 4
    assert not stage.dispatched()
