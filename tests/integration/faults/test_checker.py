"""The checker finds what it is there to find: made-up histories, files and brokers, each with one thing wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import orjson
import pytest

from contracts.messages.event import RawFeaturesRef
from contracts.rules.landmarks import DIMS, Row
from contracts.rules.paths import artifact_uri
from contracts.state.captures import CaptureWindow
from contracts.state.events import encode_line, event_bytes
from tests.integration.faults.checker import Allow, Report, check
from tests.integration.faults.history import AppendTold, CaptureTold, History, SessionTold, Told, read_history
from tests.integration.faults.observation import Brokers, Observed, find_images
from workers.extract.outcome import feature_ref_event
from workers.vision.matrix import Build, FeatureMatrix, encoding_text, meta_text

USER, SESSION = "user-1", "sess_0123456789abcdef"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
AT = "2026-01-31T12:00:00.000Z"
FRAMES = 3
BUILD = Build("0.1.0", "0.10.21")


def features(clip: int, frames: int, restarts: Sequence[int]) -> bytes:
    return np.full((frames, DIMS), clip, "<f4").tobytes()


def line(event: bytes, at: str = AT) -> bytes:
    return encode_line(event, at, 1 << 20)


def boundary(kind: str) -> bytes:
    return orjson.dumps({"record_id": str(uuid4()), "user_id": USER, "session_id": SESSION, "event": kind})


class Run:
    """One capture and one append, all as it should be, until a test breaks something."""

    def __init__(self, fps: int = 15) -> None:
        capture_id, record_id = str(uuid4()), str(uuid4())
        self.window = CaptureWindow(
            capture_id=capture_id, user_id=USER, session_id=SESSION, record_id=record_id, timestamp_start=NOON,
            fps_target=fps, width=64, height=48, max_duration_s=120.0,
        )  # fmt: skip
        rows = [Row(67 * n, True, np.full(DIMS, 1, "<f4").tobytes()) for n in range(FRAMES)]
        self.npz = FeatureMatrix.of(rows, []).npz(meta_text(self.window, BUILD))
        self.ref = event_bytes(feature_ref_event(self.window, NOON, self._reference()))
        self.append = orjson.dumps({"record_id": str(uuid4()), "user_id": USER, "session_id": SESSION})
        self.capture = CaptureTold(capture_id, record_id, USER, SESSION, 1, FRAMES, True, "", 1000, "")
        self.appended = AppendTold(self.append, USER, SESSION, 1.0, (201,), (AT,), 2.0)
        self.events = [boundary("session.start"), self.append, self.ref, boundary("session.end")]
        self.files = {f"{record_id}.npz": self.npz}
        self.report: dict[str, Any] | None = {"status": "recorded"}
        self.brokers = Brokers()
        self.images: list[str] = []
        self.session = SessionTold(USER, SESSION, 200, 200)

    def _reference(self) -> RawFeaturesRef:
        window = self.window
        return RawFeaturesRef(
            uri=artifact_uri(USER, SESSION, window.record_id),
            hash="sha256:" + hashlib.sha256(self.npz).hexdigest(),
            format="npz", dims=DIMS, shape=[FRAMES, DIMS], dtype="float32", encoding=encoding_text(window, BUILD),
        )  # fmt: skip

    def aborted(self, code: str) -> None:
        self.events.remove(self.ref)
        self.files.clear()
        self.report = {"status": "aborted", "error_code": code}

    def check(self, allow: Allow | None = None) -> Report:
        told = Told(
            {self.capture.capture_id: self.capture},
            {orjson.loads(self.append)["record_id"]: self.appended},
            {SESSION: self.session},
        )
        log = b"".join(line(event) for event in self.events)
        reports = {self.capture.capture_id: self.report}
        observed = Observed({SESSION: log}, {SESSION: self.files}, reports, self.brokers, self.images)
        return check(told, observed, allow or Allow(), features)


def test_a_run_as_it_should_be_has_no_finding() -> None:
    report = Run().check()
    assert report.ok, report.findings
    assert (report.captures, report.recorded, report.appends) == (1, 1, 1)


def _vanish_event(run: Run) -> None:
    run.events.remove(run.ref)


def _no_artifact(run: Run) -> None:
    run.files.clear()


def _no_append(run: Run) -> None:
    run.events.remove(run.append)


def _no_start(run: Run) -> None:
    del run.events[0]


def _no_end(run: Run) -> None:
    del run.events[-1]


def _never_ends(run: Run) -> None:
    run.aborted("")
    run.report = {"status": "extracting"}
    run.capture = replace(run.capture, vanished="opened")


def _unlisted_outcome(run: Run) -> None:
    run.aborted("extraction_failed")


@pytest.mark.parametrize(
    "break_it", [_vanish_event, _no_artifact, _no_append, _no_start, _no_end, _never_ends, _unlisted_outcome]
)
def test_what_was_promised_and_is_not_there_is_lost(break_it: Any) -> None:
    run = Run()
    break_it(run)
    assert run.check().lost


def _line_twice(run: Run) -> None:
    run.events.append(run.append)


def _two_events(run: Run) -> None:
    other = orjson.loads(run.ref) | {"device_id": "another"}
    run.events.append(orjson.dumps(other))


def _two_starts(run: Run) -> None:
    run.events.insert(1, boundary("session.start"))


@pytest.mark.parametrize("break_it", [_line_twice, _two_events, _two_starts])
def test_what_is_there_twice_is_duplicated(break_it: Any) -> None:
    run = Run()
    break_it(run)
    assert run.check().duplicated


def _told_abort(run: Run) -> None:
    run.capture = replace(run.capture, code="forward_failed")


def _lost_connection(run: Run) -> None:
    run.capture = replace(run.capture, close_code=0)


def _artifact_of_an_aborted_capture(run: Run) -> None:
    run.aborted("forward_failed")
    run.capture = replace(run.capture, code="forward_failed")
    run.files["left-over.npz"] = run.npz


def _temporary_file(run: Run) -> None:
    run.files[f".{run.window.record_id}.0.tmp"] = b"half"


def _other_rows(run: Run) -> None:
    run.capture = replace(run.capture, clip=2)


def _frame_missing(run: Run) -> None:
    run.capture = replace(run.capture, sent=FRAMES + 1)


def _broken_artifact(run: Run) -> None:
    run.files[f"{run.window.record_id}.npz"] = run.npz[:-1] + b"x"


def _not_recorded(run: Run) -> None:
    run.report = {"status": "extracting"}


def _end_before_start(run: Run) -> None:
    run.events[0], run.events[1] = run.events[1], run.events[0]


def _another_time(run: Run) -> None:
    run.appended = replace(run.appended, recorded_at=("2026-01-31T12:00:00.001Z",))


def _refused_append(run: Run) -> None:
    run.appended = replace(run.appended, answers=(503, 201))


def _line_no_client_sent(run: Run) -> None:
    run.events.append(boundary("unknown"))


def _event_of_an_unknown_capture(run: Run) -> None:
    run.events.append(orjson.dumps(orjson.loads(run.ref) | {"capture_id": "unknown"}))


def _pending(run: Run) -> None:
    run.brokers = Brokers(dispatch_pending=1)


def _unfinished(run: Run) -> None:
    run.brokers = Brokers(unfinished=("capture-1",))


def _frames_left(run: Run) -> None:
    run.brokers = Brokers(frames_keys=("a3cp:{capture-1}:frames",))


def _dead_letter(run: Run) -> None:
    run.brokers = Brokers(dead_letters=({"reason": "invalid_event"},))


def _image(run: Run) -> None:
    run.images.append("dump.rdb")


@pytest.mark.parametrize(
    "break_it",
    [
        _told_abort, _lost_connection, _artifact_of_an_aborted_capture, _temporary_file, _other_rows, _frame_missing,
        _broken_artifact, _not_recorded, _end_before_start, _another_time, _refused_append, _line_no_client_sent,
        _event_of_an_unknown_capture, _pending, _unfinished, _frames_left, _dead_letter, _image,
    ],
)  # fmt: skip
def test_anything_else_that_no_fault_excuses_is_wrong(break_it: Any) -> None:
    run = Run()
    break_it(run)
    assert run.check().wrong


def test_what_a_fault_may_do_is_no_finding() -> None:
    run = Run()
    run.aborted("frames_lost")
    run.brokers = Brokers(dead_letters=({"reason": "torn_line"},))
    run.appended = replace(run.appended, answers=(503, 0, 201))
    allow = Allow(
        outcomes=frozenset({"frames_lost"}), append_answers=frozenset({0, 503}), dead_letters=frozenset({"torn_line"})
    )
    assert run.check(allow).ok
    run.capture = replace(run.capture, code="frames_lost")
    assert run.check(allow).wrong
    assert run.check(allow | Allow(told=frozenset({"frames_lost"}))).ok


def test_told_one_code_and_recorded_as_another_is_wrong() -> None:
    run = Run()
    run.aborted("frames_lost")
    run.capture = replace(run.capture, code="forward_failed")
    assert run.check(Allow(told=frozenset({"forward_failed"}))).wrong


def test_a_history_is_put_together_by_id(tmp_path: Path) -> None:
    history = History(tmp_path / "history.jsonl")
    history.add("session", user_id=USER, session_id=SESSION, started=200)
    ids = {"capture_id": "c", "record_id": "r"}
    history.add("capture", **ids, user_id=USER, session_id=SESSION, clip=2)
    history.add("append.sent", record_id="a", user_id=USER, session_id=SESSION, event="{}")
    history.add("append.answered", record_id="a", status=503, recorded_at="")
    history.add("append.answered", record_id="a", status=201, recorded_at=AT)
    history.add("capture", **ids, sent=3, opened=True, vanished="", close_code=1000, code="")
    history.close()
    told = read_history(history.entries())
    assert told.captures["c"].completed and told.captures["c"].sent == 3
    assert told.sessions[SESSION] == SessionTold(USER, SESSION, 200, 0)
    append = told.appends["a"]
    assert (append.answers, append.recorded_at) == ((503, 201), (AT,))
    assert append.recorded_s is not None and append.recorded_s >= append.sent_s


def test_bytes_of_a_jpeg_are_found_wherever_they_are(tmp_path: Path) -> None:
    jpeg = bytes(range(200))
    (tmp_path / "clean").write_bytes(b"nothing")
    (tmp_path / "head").write_bytes(b"...\xff\xd8\xff\xe0...")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "middle").write_bytes(b"..." + jpeg[95:140] + b"...")
    found = find_images([tmp_path], [jpeg])
    assert found == [str(tmp_path / "deep" / "middle"), str(tmp_path / "head")]
