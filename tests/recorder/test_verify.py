"""`verify` passes a valid session and names each fault of an invalid one."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import orjson
import pytest

from contracts.rules.errors import ArtifactError
from contracts.rules.ids import format_utc
from contracts.rules.landmarks import DIMS
from contracts.rules.paths import artifact_path, session_features_dir, session_log_path
from contracts.state.events import encode_line
from contracts.storage.artifacts import ArtifactSource
from contracts.storage.session_log import find_feature_ref
from recorder.verify import LogReport, replay, verify_log
from tests.recorder.samples import NOON, arrays, event, feature_ref, make_log_dir, new_session, npz, put_artifact


class Session:
    """One session on the disk: a log and its artifacts."""

    def __init__(self, root: Path) -> None:
        self.data_root, self.log_root = root / "data", root / "logs"
        self.artifacts = ArtifactSource(self.data_root)
        self.session_id = new_session()
        make_log_dir(self.log_root)
        session_features_dir(self.data_root, "u1", self.session_id).mkdir(parents=True)
        self.log = session_log_path(self.log_root, "u1", self.session_id)
        self.log.touch()

    def write(self, line: bytes) -> None:
        with self.log.open("ab") as log:
            log.write(line)

    def record(self, given: dict[str, Any] | bytes, *, by_client: bool = False) -> None:
        text = given if isinstance(given, bytes) else orjson.dumps(given)
        self.write(encode_line(text, format_utc(NOON), 1 << 20, by_client=by_client))

    def capture(self, members: dict[str, Any] | None = None, *, data: bytes | None = None, **ref: Any) -> str:
        """Record a capture and its artifact, valid except for the given fields; returns its record_id."""
        record_id = str(uuid4())
        content = data if data is not None else npz(members if members is not None else arrays())
        digest = put_artifact(self.data_root, self.session_id, record_id, content)
        self.record(feature_ref(self.session_id, f"capture-{record_id}", record_id, **{"hash": digest, **ref}))
        return record_id

    def report(self) -> LogReport:
        return verify_log(self.log, self.artifacts)

    def problems(self) -> list[str]:
        return [finding.problem for finding in self.report().findings]


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path)


def test_a_valid_session_passes_and_the_facts_of_its_captures_are_listed(session: Session) -> None:
    session.record(event(session.session_id, event="session.start"))
    record_id = session.capture(arrays(3) | {"tracker_restarts": np.array([2], dtype="<i4")})
    session.record(event(session.session_id, event="session.end"))
    report = session.report()
    assert report.ok, report.findings
    assert report.events == 3
    assert report.notes == ()
    [facts] = report.captures
    assert (facts.record_id, facts.capture_id) == (record_id, f"capture-{record_id}")
    assert facts.shape == (3, DIMS)
    assert facts.hash.startswith("sha256:")
    assert facts.encoding.startswith("holistic_landmarks_v1;")
    assert facts.tracker_restarts == (2,)
    assert facts.found_share == {"pose": 1.0, "left_hand": pytest.approx(1 / 3), "right_hand": 0.0, "face": 0.0}
    assert facts.undecoded_frames == 0
    assert facts.duration_ms == 132
    assert facts.place == str(artifact_path(session.data_root, "u1", session.session_id, record_id))


def test_an_empty_log_passes(session: Session) -> None:
    assert session.report().ok


def test_a_frame_that_was_not_decoded_is_counted(session: Session) -> None:
    members = arrays(3)
    members["decoded"][1] = False
    members["features"][1] = np.nan
    session.capture(members)
    [facts] = session.report().captures
    assert facts.undecoded_frames == 1


def test_the_quality_that_an_event_says_is_computed_again(session: Session) -> None:
    record_id = str(uuid4())
    digest = put_artifact(session.data_root, session.session_id, record_id, npz(arrays()))
    made = feature_ref(session.session_id, "capture-1", record_id, hash=digest)
    session.record(made)
    [facts] = session.report().captures
    assert (facts.quality.verdict, facts.quality_said, facts.quality_differences) == ("check", None, ())

    said = facts.quality.model_dump()
    session.log.write_bytes(b"")
    session.record(made | {"quality": said})
    report = session.report()
    assert report.ok, report.findings
    assert report.captures[0].quality_said == report.captures[0].quality

    session.log.write_bytes(b"")
    session.record(made | {"quality": {**said, "time_gaps": 7, "moved": {"left_hand": 0.0, "right_hand": 0.5}}})
    report = session.report()
    assert [(finding.problem, finding.line, finding.record_id) for finding in report.findings] == [
        ("quality.moved.right_hand is 0.5 in the event, 0.0 in the artifact", 1, record_id),
        ("quality.time_gaps is 7 in the event, 0 in the artifact", 1, record_id),
    ]
    assert not report.captures


def test_a_quality_of_later_rules_is_no_finding_and_a_broken_one_is(session: Session) -> None:
    record_id = str(uuid4())
    digest = put_artifact(session.data_root, session.session_id, record_id, npz(arrays()))
    made = feature_ref(session.session_id, "capture-1", record_id, hash=digest)
    session.record(made)
    later = session.report().captures[0].quality.model_dump() | {"rules": "quality_v2", "time_gaps": 7, "blur": 0.1}
    session.log.write_bytes(b"")
    session.record(made | {"quality": later})
    assert session.report().ok
    session.log.write_bytes(b"")
    session.record(made | {"quality": {"verdict": "splendid"}})
    assert "the feature-ref event is malformed: quality" in session.problems()[0]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"not an envelope\n", "no envelope"),
        (b'{"event":{},"recorded_at":"2026-01-31T12:00:00.000Z"}\n', "no envelope"),
        (b'{"recorded_at":"2026-13-31T12:00:00.000Z","event":{}}\n', "no envelope"),
        (b'{"recorded_at":"2026-01-31T12:00:00.000Z","event":[]}\n', "not a JSON object"),
        (b'{"recorded_at":"2026-01-31T12:00:00.000Z","event":{}', "torn"),
        (b"\n", "no envelope"),
    ],
)
def test_every_line_is_an_envelope_of_the_recorder_s(session: Session, line: bytes, problem: str) -> None:
    session.capture()
    session.write(line)
    [finding] = session.report().findings
    assert problem in finding.problem
    assert finding.line == 2


@pytest.mark.parametrize("ids", [{"user_id": "u2"}, {"session_id": "sess_ffffffffffffffff"}])
def test_an_event_of_another_session_does_not_belong_in_the_log(session: Session, ids: dict[str, str]) -> None:
    session.record({"user_id": "u1", "session_id": session.session_id, **ids})
    assert "not that of its log" in session.problems()[0]


def test_a_second_event_of_a_capture_is_a_finding(session: Session) -> None:
    record_id = session.capture()
    line = session.log.read_bytes()
    session.write(line)
    findings = session.report().findings
    assert {finding.problem for finding in findings} == {
        "feature-ref event number 2 with this capture_id",
        "feature-ref event number 2 with this record_id",
    }
    assert {(finding.line, finding.record_id) for finding in findings} == {(2, record_id)}


def test_an_event_that_is_not_the_contract_s_is_a_finding(session: Session) -> None:
    malformed = feature_ref(session.session_id, "c", str(uuid4()))
    malformed["raw_features_ref"]["hash"] = "0" * 64
    session.record(malformed)
    assert "malformed: raw_features_ref.hash" in session.problems()[0]


def test_a_missing_artifact_is_a_finding(session: Session) -> None:
    record_id = session.capture()
    artifact_path(session.data_root, "u1", session.session_id, record_id).unlink()
    [finding] = session.report().findings
    assert (finding.problem, finding.record_id) == ("the artifact does not exist", record_id)


def test_one_changed_byte_is_a_finding(session: Session) -> None:
    path = artifact_path(session.data_root, "u1", session.session_id, session.capture())
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert "hash" in session.problems()[0]


@pytest.mark.parametrize("uri", ["/etc/passwd", "../x.npz", "s3://bucket/x.npz", "users/u1/other.npz"])
def test_a_reference_to_another_place_is_a_finding(session: Session, uri: str) -> None:
    session.capture(uri=uri)
    assert "the record's place" in session.problems()[0]


def changed(**members: Any) -> dict[str, Any]:
    return arrays() | members


def without(name: str) -> dict[str, Any]:
    return {member: array for member, array in arrays().items() if member != name}


META = orjson.loads(str(arrays()["meta"]))


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        (without("decoded"), "members"),
        (arrays() | {"extra": np.zeros(1)}, "members"),
        ({"seq": arrays()["seq"], **arrays()}, "members"),
        (changed(features=arrays()["features"].astype("<f8")), "features is <f8"),
        (changed(features=arrays()["features"].astype(">f4")), "features is >f4"),
        (changed(features=np.asfortranarray(arrays()["features"])), "C-contiguous"),
        (changed(features=arrays()["features"][:2]), "shape of features"),
        (changed(features=arrays()["features"][:, :100].copy()), "shape of features"),
        (changed(features=np.zeros(3, dtype="<f4")), "dimensions"),
        (changed(seq=arrays()["seq"].astype("<i8")), "seq is <i8"),
        (changed(seq=np.array([1, 2, 4], dtype="<i4")), "seq is not 1 to 3"),
        (changed(seq=np.array([0, 1, 2], dtype="<i4")), "seq is not 1 to 3"),
        (changed(seq=np.array([1, 2], dtype="<i4")), "seq has the shape"),
        (changed(timestamps_ms=np.array([0, 66, 65], dtype="<i8")), "backwards"),
        (changed(decoded=np.array([True, True, False])), "not decoded has landmarks"),
        (changed(decoded=np.ones((3, 1), dtype=bool)), "decoded has the shape"),
        (changed(tracker_restarts=np.array([4], dtype="<i4")), "tracker_restarts"),
        (changed(tracker_restarts=np.array([2, 2], dtype="<i4")), "tracker_restarts"),
        (changed(meta=np.array("{")), "meta is not JSON"),
        (changed(meta=np.array(["{}"])), "meta is not a text"),
        (changed(meta=np.array(orjson.dumps(META | {"user_id": "u1"}).decode())), "fields of meta"),
        (changed(meta=np.array(orjson.dumps(META | {"layout": "pose:33"}).decode())), "layout"),
        (changed(meta=np.array(orjson.dumps(META | {"fps_target": 0}).decode())), "fps_target in meta"),
        (changed(meta=np.array(orjson.dumps(META | {"width": "640"}).decode())), "width in meta"),
        (changed(meta=np.array({"a": 1}, dtype=object)), "does not load"),
    ],
)
def test_each_fault_of_an_artifact_is_named(session: Session, members: dict[str, Any], problem: str) -> None:
    session.capture(members)
    [found] = session.problems()
    assert problem in found


def _archive_of(text: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("features.npy", text)
    return buffer.getvalue()


def _array_file() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


@pytest.mark.parametrize("data", [b"", b"no zip", b"PK\x03\x04broken", npz(arrays())[:-30], _archive_of(b"x")])
def test_a_file_that_is_no_npz_is_a_finding(session: Session, data: bytes) -> None:
    session.capture(data=data)
    [found] = session.problems()
    assert "does not load" in found or "members" in found


def test_a_single_array_is_no_npz(session: Session) -> None:
    session.capture(data=_array_file())
    assert session.problems() == ["the file does not load as an NPZ: it is no ZIP file"]


def test_an_artifact_without_a_frame_is_a_finding(session: Session) -> None:
    session.capture(arrays(0), shape=[0, DIMS])
    assert session.problems() == ["it holds no frame"]


def test_a_reference_with_other_dims_or_encoding_is_a_finding(session: Session) -> None:
    session.capture(dims=100)
    session.capture(encoding="pose_v1;fps=15")
    problems = session.problems()
    assert "1662 columns, its reference says 100" in problems[0]
    assert "encoding" in problems[1]


def test_an_artifact_without_an_event_is_a_note_and_no_failure(session: Session) -> None:
    session.capture()
    orphan = str(uuid4())
    put_artifact(session.data_root, session.session_id, orphan, npz(arrays()))
    report = session.report()
    assert report.ok
    [note] = report.notes
    assert orphan in note


def test_one_bad_capture_does_not_hide_the_others(session: Session) -> None:
    session.capture(data=b"bad")
    session.capture()
    report = session.report()
    assert len(report.captures) == 1 and len(report.findings) == 1


def test_a_log_that_is_missing_or_out_of_place_is_a_finding(session: Session, tmp_path: Path) -> None:
    assert "cannot be read" in verify_log(session.log.with_stem(new_session()), session.artifacts).findings[0].problem
    assert "path" in verify_log(tmp_path / "a.jsonl", session.artifacts).findings[0].problem


def test_replay_returns_the_facts_of_one_record(session: Session) -> None:
    record_id = session.capture()
    session.capture()
    facts = replay(record_id.upper(), "u1", session.session_id, session.artifacts, session.log_root)
    assert (facts.record_id, facts.shape) == (record_id, (3, DIMS))


def test_replay_refuses_a_record_that_is_missing_or_wrong(session: Session) -> None:
    bad = session.capture(data=b"bad")
    for record_id, session_id in (
        (bad, session.session_id),
        (str(uuid4()), session.session_id),
        (str(uuid4()), new_session()),
        ("no-id", session.session_id),
        (bad, "no-session"),
    ):
        with pytest.raises(ArtifactError):
            replay(record_id, "u1", session_id, session.artifacts, session.log_root)


def test_replay_refuses_a_record_that_has_two_events(session: Session) -> None:
    record_id = session.capture()
    (line,) = [line for line in session.log.read_text().splitlines() if "raw_features_ref" in line]
    with session.log.open("a") as log:
        log.write(line + "\n")
    with pytest.raises(ArtifactError, match=f"has 2 feature-ref events for {record_id}, not one"):
        replay(record_id, "u1", session.session_id, session.artifacts, session.log_root)


def test_an_event_that_a_client_appended_in_the_name_of_a_service_is_noted_and_not_used(session: Session) -> None:
    session.record(event(session.session_id, event="session.start", source="session_manager"))
    record_id = session.capture()
    again = feature_ref(session.session_id, f"capture-{record_id}", record_id)
    for each in (again, feature_ref(session.session_id, "no-capture", str(uuid4()))):
        session.record(each, by_client=True)
    session.record(event(session.session_id, event="session.start", source="session_manager"), by_client=True)
    report = session.report()
    assert report.ok, report.findings
    assert [facts.record_id for facts in report.captures] == [record_id]
    assert [note.partition(":")[0] for note in report.notes] == ["line 3", "line 4", "line 5"]
    assert all("not heeded" in note for note in report.notes)
    assert replay(record_id, "u1", session.session_id, session.artifacts, session.log_root).record_id == record_id
    assert find_feature_ref(session.log, "no-capture") is None
    assert find_feature_ref(session.log, f"capture-{record_id}") is not None


def said(session: Session, name: str, source: str, *, by_client: bool = False, **fields: Any) -> None:
    base = {"schema_version": "1.0.1", "record_id": str(uuid4()), "timestamp": format_utc(NOON)}
    session.record(event(session.session_id, **(base | fields), event=name, source=source), by_client=by_client)


def withdrawn(session: Session, record_id: str, *, erase: bool = True, whole: bool = False) -> None:
    subject = {} if whole else {"capture_id": f"capture-{record_id}"}
    said(session, "consent.withdrawn", "library", erase=erase, **subject)


def erased(session: Session, record_id: str, digest: str | None = None, *, by_client: bool = False) -> None:
    """Remove the artifact, and say so; with the hash of the capture's own event, unless another is given."""
    reference = find_feature_ref(session.log, f"capture-{record_id}")
    assert reference is not None
    artifact_path(session.data_root, "u1", session.session_id, record_id).unlink(missing_ok=True)
    fields = {"hash": digest or orjson.loads(reference)["raw_features_ref"]["hash"], "erased_at": format_utc(NOON)}
    about = {"capture_id": f"capture-{record_id}"} | fields
    said(session, "capture.erased", "landmark_extractor", by_client=by_client, **about)


def counts(report: LogReport) -> tuple[int, int, int, int]:
    return len(report.captures), report.withdrawn, report.erasing, report.erased


def test_a_withdrawn_capture_is_counted_and_verified_while_it_is_there(session: Session) -> None:
    record_id = session.capture()
    session.capture()
    withdrawn(session, record_id, erase=False)
    assert counts(session.report()) == (2, 1, 0, 0)
    assert session.report().ok
    artifact_path(session.data_root, "u1", session.session_id, record_id).unlink()
    assert session.problems() == ["the artifact does not exist"]


@pytest.mark.parametrize("whole", [False, True])
def test_a_capture_is_to_be_erased_until_its_erasure_is_in_the_log(session: Session, whole: bool) -> None:
    record_id = session.capture()
    withdrawn(session, record_id, whole=whole)
    assert counts(session.report()) == (1, 1, 1, 0)
    artifact_path(session.data_root, "u1", session.session_id, record_id).unlink()
    assert counts(session.report()) == (0, 1, 1, 0), "its event is on its way"
    assert session.report().ok
    with pytest.raises(ArtifactError, match="is being erased"):
        replay(record_id, "u1", session.session_id, session.artifacts, session.log_root)
    erased(session, record_id)
    assert counts(session.report()) == (0, 0, 0, 1)
    assert session.report().ok


def test_an_erased_capture_that_is_there_or_another_one_than_was_erased_is_a_finding(session: Session) -> None:
    record_id = session.capture()
    withdrawn(session, record_id)
    erased(session, record_id)
    path = artifact_path(session.data_root, "u1", session.session_id, record_id)
    for there in (lambda: path.write_bytes(b"damaged"), lambda: (path.unlink(), path.symlink_to("nowhere"))):
        there()
        assert session.problems() == ["the capture is erased, and its artifact is there"]
    path.unlink()
    other = session.capture()
    withdrawn(session, other)
    erased(session, other, "sha256:" + "0" * 64)
    (problem,) = session.problems()
    assert problem.startswith(f"the log says that the artifact sha256:{'0' * 64} was erased")


def test_an_erasure_that_a_client_appended_is_none(session: Session) -> None:
    erased(session, session.capture(), by_client=True)
    assert counts(session.report()) == (0, 0, 0, 0)
    assert session.problems() == ["the artifact does not exist"]


def test_replay_says_that_a_capture_was_erased_and_when(session: Session) -> None:
    record_id = session.capture()
    withdrawn(session, record_id)
    erased(session, record_id)
    with pytest.raises(ArtifactError, match=f"the capture was erased at {format_utc(NOON)}"):
        replay(record_id, "u1", session.session_id, session.artifacts, session.log_root)


def test_a_place_that_cannot_be_looked_at_is_no_proof(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    record_id = session.capture()
    withdrawn(session, record_id)
    erased(session, record_id)

    def refuse(*_: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "lstat", refuse)
    assert session.problems() == ["the artifact cannot be looked for: Permission denied"]
