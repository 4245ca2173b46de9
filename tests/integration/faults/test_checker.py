"""The checker finds what it is there to find: made-up histories, files and brokers, each with one thing wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
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
        matrix = FeatureMatrix.of(rows, [])
        self.npz = matrix.npz(meta_text(self.window, BUILD))
        self.ref = event_bytes(feature_ref_event(self.window, NOON, self._reference(), matrix.quality()))
        self.append = orjson.dumps({"record_id": str(uuid4()), "user_id": USER, "session_id": SESSION})
        self.capture = CaptureTold(capture_id, record_id, USER, SESSION, 1, FRAMES, True, "", 1000, "")
        self.appended = AppendTold(self.append, USER, SESSION, 1.0, (201,), (AT,), 2.0)
        self.events = [boundary("session.start"), self.append, self.ref, boundary("session.end")]
        self.files = {f"{record_id}.npz": self.npz}
        self.report: dict[str, Any] | None = {"status": "recorded"}
        self.brokers = Brokers()
        self.images: list[str] = []
        self.session = SessionTold(USER, SESSION, 200, 200)
        self.withdrawals: dict[str, tuple[int, ...]] = {}

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
        self.reported("aborted", error_code=code)

    def withdraw(self, *answers: int, say: bool = True, erase: bool = True) -> None:
        """The capture was withdrawn and erased."""
        capture_id = self.capture.capture_id
        self.withdrawals[capture_id] = answers or (202,)
        base = {"user_id": USER, "session_id": SESSION, "capture_id": capture_id}
        if say:
            self.events.append(orjson.dumps({**base, "event": "consent.withdrawn", "erase": True}))
        if erase:
            self.erased()

    def erased(self, **changes: Any) -> None:
        base = {"user_id": USER, "session_id": SESSION, "capture_id": self.capture.capture_id}
        digest = orjson.loads(self.ref)["raw_features_ref"]["hash"]
        self.events.append(orjson.dumps({**base, "event": "capture.erased", "hash": digest, **changes}))
        self.files.clear()

    def told(self, **changes: Any) -> None:
        self.capture = replace(self.capture, **changes)

    def append_told(self, **changes: Any) -> None:
        self.appended = replace(self.appended, **changes)

    def reported(self, status: str, **more: str) -> None:
        self.report = {"status": status, **more}

    def left(self, **remains: Any) -> None:
        self.brokers = Brokers(**remains)

    def check(self, allow: Allow | None = None) -> Report:
        told = Told(
            {self.capture.capture_id: self.capture},
            {orjson.loads(self.append)["record_id"]: self.appended},
            {SESSION: self.session},
            self.withdrawals,
        )
        log = b"".join(line(event) for event in self.events)
        reports = {self.capture.capture_id: self.report}
        observed = Observed({SESSION: log}, {SESSION: self.files}, reports, self.brokers, self.images)
        return check(told, observed, allow or Allow(), features)


def test_a_run_as_it_should_be_has_no_finding() -> None:
    report = Run().check()
    assert report.ok, report.findings
    assert (report.captures, report.recorded, report.appends) == (1, 1, 1)


def test_a_capture_that_was_withdrawn_and_erased_has_no_finding() -> None:
    run = Run()
    run.withdraw(503, 202)
    assert run.check(Allow(append_answers=frozenset({503}))).ok
    aborted = Run()
    aborted.aborted("forward_failed")
    aborted.told(code="forward_failed")
    aborted.withdraw(409, say=False, erase=False)
    assert aborted.check(Allow(told=frozenset({"forward_failed"}))).ok


Break = Callable[[Run], object]

LOST: dict[str, Break] = {
    "no event": lambda run: run.events.remove(run.ref),
    "no artifact": lambda run: run.files.clear(),
    "no append": lambda run: run.events.remove(run.append),
    "no start": lambda run: run.events.pop(0),
    "no end": lambda run: run.events.pop(),
    "a withdrawal that was accepted": lambda run: run.withdraw(say=False, erase=False),
    "an erasure": lambda run: run.withdraw(erase=False),
    "never ends": lambda run: (run.aborted(""), run.reported("extracting"), run.told(vanished="opened")),
    "an outcome that no fault has": lambda run: run.aborted("extraction_failed"),
}


@pytest.mark.parametrize("break_it", LOST.values(), ids=LOST)
def test_a_promised_artifact_or_event_that_is_missing_is_lost(break_it: Break) -> None:
    run = Run()
    break_it(run)
    assert run.check().lost


DUPLICATED: dict[str, Break] = {
    "a line": lambda run: run.events.append(run.append),
    "an event": lambda run: run.events.append(orjson.dumps(orjson.loads(run.ref) | {"device_id": "another"})),
    "a start": lambda run: run.events.insert(1, boundary("session.start")),
    "an erasure": lambda run: (run.withdraw(), run.erased(erased_at="2026-01-31T12:00:00.001Z")),
}


@pytest.mark.parametrize("break_it", DUPLICATED.values(), ids=DUPLICATED)
def test_an_artifact_or_event_that_exists_twice_is_duplicated(break_it: Break) -> None:
    run = Run()
    break_it(run)
    assert run.check().duplicated


def _artifact_of_an_aborted_capture(run: Run) -> None:
    run.aborted("forward_failed")
    run.told(code="forward_failed")
    run.files["left-over.npz"] = run.npz


def _say_quality(run: Run, quality: dict[str, Any] | None) -> None:
    run.events[run.events.index(run.ref)] = orjson.dumps({**orjson.loads(run.ref), "quality": quality})


WRONG: dict[str, Break] = {
    "the client was told an abort": lambda run: run.told(code="forward_failed"),
    "the connection was lost": lambda run: run.told(close_code=0),
    "an artifact of an aborted capture": _artifact_of_an_aborted_capture,
    "a temporary file": lambda run: run.files.update({f".{run.window.record_id}.0.tmp": b"half"}),
    "other rows": lambda run: run.told(clip=2),
    "an erased artifact that is there": lambda run: (
        run.withdraw(),
        run.files.update({f"{run.window.record_id}.npz": b""}),
    ),
    "an erasure of another artifact": lambda run: (run.withdraw(erase=False), run.erased(hash="sha256:x")),
    "an erasure that nothing asked for": lambda run: run.erased(),
    "a withdrawal that no client sent": lambda run: (run.withdraw(), run.withdrawals.clear()),
    "a refused withdrawal": lambda run: run.withdraw(500, 202),
    "a frame is missing": lambda run: run.told(sent=FRAMES + 1),
    "no quality": lambda run: _say_quality(run, None),
    "another quality": lambda run: _say_quality(run, {**orjson.loads(run.ref)["quality"], "time_gaps": 1}),
    "a broken artifact": lambda run: run.files.update({f"{run.window.record_id}.npz": run.npz[:-1] + b"x"}),
    "not recorded": lambda run: run.reported("extracting"),
    "an end before its start": lambda run: run.events.insert(0, run.events.pop(1)),
    "another time": lambda run: run.append_told(recorded_at=("2026-01-31T12:00:00.001Z",)),
    "a refused append": lambda run: run.append_told(answers=(503, 201)),
    "a line that no client sent": lambda run: run.events.append(boundary("unknown")),
    "an event of an unknown capture": lambda run: run.events.append(
        orjson.dumps(orjson.loads(run.ref) | {"capture_id": "unknown"})
    ),
    "a pending dispatch entry": lambda run: run.left(dispatch_pending=1),
    "an unfinished capture": lambda run: run.left(unfinished=("capture-1",)),
    "frames": lambda run: run.left(frames_keys=("a3cp:{capture-1}:frames",)),
    "a dead letter": lambda run: run.left(dead_letters=({"reason": "invalid_event"},)),
    "an image": lambda run: run.images.append("dump.rdb"),
}


@pytest.mark.parametrize("break_it", WRONG.values(), ids=WRONG)
def test_any_other_violation_that_no_fault_allows_is_wrong(break_it: Break) -> None:
    run = Run()
    break_it(run)
    assert run.check().wrong


def test_an_effect_that_a_fault_may_have_is_no_finding() -> None:
    run = Run()
    run.aborted("frames_lost")
    run.left(dead_letters=({"reason": "torn_line"},))
    run.append_told(answers=(503, 0, 201))
    allow = Allow(
        outcomes=frozenset({"frames_lost"}), append_answers=frozenset({0, 503}), dead_letters=frozenset({"torn_line"})
    )
    assert run.check(allow).ok
    run.told(code="frames_lost")
    assert run.check(allow).wrong
    assert run.check(allow | Allow(told=frozenset({"frames_lost"}))).ok


def test_a_capture_whose_client_got_another_code_than_its_record_has_is_wrong() -> None:
    run = Run()
    run.aborted("frames_lost")
    run.told(code="forward_failed")
    assert run.check(Allow(told=frozenset({"forward_failed"}))).wrong
    run.told(opened=False)  # its open was refused, and its reservation made all the same: the sweep ended it
    assert run.check(Allow(told=frozenset({"forward_failed"}))).ok
    run.reported("aborted", error_code="gateway_lost")
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
