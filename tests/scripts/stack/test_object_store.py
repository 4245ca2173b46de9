"""The commands on a session with one capture in an object store and an earlier one on the disk."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import numpy as np
import orjson
import pytest
from rich.console import Console

from contracts.process.settings import Settings
from contracts.rules.errors import ArtifactError, ArtifactStoreError
from contracts.rules.ids import format_utc
from contracts.rules.paths import artifact_uri, session_log_path
from contracts.state.events import encode_line
from contracts.storage.artifacts import ArtifactSource
from recorder.verify import replay, verify_log
from scripts.commands.doctor import doctor, examine
from scripts.commands.verify import replay_record, verify_logs
from scripts.exports.choice import Choice
from scripts.exports.command import ExportRequest, export
from scripts.pictures.show import show_record
from tests.recorder.samples import NOON, arrays, feature_ref, make_log_dir, new_session, npz, put_artifact
from tests.support.s3 import BUCKET, S3Server
from tests.support.waiting import DEADLINE_S

FEATURES = arrays()
NPZ = npz(FEATURES)


class MixedSession(NamedTuple):
    settings: Settings
    session_id: str
    in_bucket: str
    on_disk: str
    key: str


@pytest.fixture
def mixed(s3: S3Server, tmp_path: Path, unique: str) -> MixedSession:
    url = f"s3://{BUCKET}/{unique}"
    roots = {"data_root": tmp_path / "data", "log_root": tmp_path / "logs", "state_dir": tmp_path / "state", "port": 0}
    settings = Settings().model_copy(update={"artifact_url": url, **roots})
    session_id, in_bucket, on_disk = new_session(), str(uuid4()), str(uuid4())
    name = artifact_uri("u1", session_id, in_bucket)
    s3.put(f"{unique}/{name}", NPZ)
    digest = put_artifact(settings.data_root, session_id, on_disk, NPZ)
    make_log_dir(settings.log_root)
    with session_log_path(settings.log_root, "u1", session_id).open("ab") as log:
        for record_id, more in ((in_bucket, {"uri": f"{url}/{name}"}), (on_disk, {})):
            event = feature_ref(session_id, f"c-{record_id}", record_id, hash=digest, **more)
            log.write(encode_line(orjson.dumps(event), format_utc(NOON), 1 << 20))
    return MixedSession(settings, session_id, in_bucket, on_disk, f"{unique}/{name}")


def test_verify_reads_both_and_names_objects_that_no_event_refers_to(
    mixed: MixedSession, s3: S3Server, capsys: pytest.CaptureFixture[str]
) -> None:
    orphan = artifact_uri("u1", mixed.session_id, str(uuid4()))
    s3.put(f"{mixed.settings.artifact_url}/{orphan}".removeprefix(f"s3://{BUCKET}/"), NPZ)
    assert verify_logs(mixed.settings, []) == 0
    said = capsys.readouterr().out
    assert "2 captures good" in said
    assert f"note: {mixed.settings.artifact_url}/{orphan}: no event refers to it" in said
    assert said.count("no event refers to it") == 1


def test_replay_prints_the_objects_facts(mixed: MixedSession, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay_record(mixed.settings, mixed.in_bucket, "u1", mixed.session_id) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"artifact  s3://{BUCKET}/{mixed.key}"
    assert said[1] == "(T, D)    (3, 1662) float32"
    assert said[2] == "hash      sha256:" + hashlib.sha256(NPZ).hexdigest()


def test_export_and_show_are_of_the_object(mixed: MixedSession, tmp_path: Path) -> None:
    request = ExportRequest("npy1662", output=tmp_path / "exports", choice=Choice(unknown=True))
    assert export(mixed.settings, request) == 0
    (found,) = (tmp_path / "exports").rglob(f"*{mixed.in_bucket}*.npy")
    assert np.load(found).tobytes() == FEATURES["features"].tobytes()
    assert show_record(mixed.settings, mixed.in_bucket, None, None, tmp_path / "pictures") == 0
    assert show_record(mixed.settings, mixed.on_disk, None, None, tmp_path / "pictures") == 0
    pictures = sorted((tmp_path / "pictures").iterdir())
    assert len(pictures) == 6
    assert len({path.read_bytes() for path in pictures}) == 3, "the same landmarks, the same pictures"


def test_an_export_is_not_replaced_by_a_smaller_one_while_the_store_is_away(
    mixed: MixedSession, s3: S3Server, tmp_path: Path
) -> None:
    request = ExportRequest("npy1662", output=tmp_path / "exports", choice=Choice(unknown=True), replace=True)
    assert export(mixed.settings, request) == 0
    before = sorted((path, path.read_bytes()) for path in request.output.rglob("*") if path.is_file())
    s3.refuses = 503
    with pytest.raises(ArtifactStoreError, match="refuses: 503"):
        export(mixed.settings, request)
    assert sorted((path, path.read_bytes()) for path in request.output.rglob("*") if path.is_file()) == before
    s3.refuses = 0
    s3.remove(mixed.key)
    assert export(mixed.settings, request) == 1, "a deleted object is named, and the other captures are exported"


def test_any_fault_of_the_object_fails_and_the_file_is_still_good(mixed: MixedSession, s3: S3Server) -> None:
    artifacts = ArtifactSource.of(mixed.settings)
    log = session_log_path(mixed.settings.log_root, "u1", mixed.session_id)
    faults: dict[str, tuple[Callable[[], object], str]] = {
        "another": (lambda: s3.put(mixed.key, NPZ + b"\0"), "the file's hash is"),
        "empty": (lambda: s3.put(mixed.key, b""), "the file's hash is"),
        "gone": (lambda: s3.remove(mixed.key), "the artifact does not exist"),
        "forbidden": (lambda: setattr(s3, "refuses", 403), "refuses: 403"),
    }
    for break_it, problem in faults.values():
        break_it()
        report = verify_log(log, artifacts)
        assert [problem in finding.problem for finding in report.findings] == [True]
        assert [facts.record_id for facts in report.captures] == [mixed.on_disk]
        with pytest.raises(ArtifactError, match=problem):
            replay(mixed.in_bucket, "u1", mixed.session_id, artifacts, mixed.settings.log_root)


def test_an_object_is_read_from_the_configured_store_only(
    mixed: MixedSession, capsys: pytest.CaptureFixture[str]
) -> None:
    for url in (None, f"s3://{BUCKET}", "s3://another-bucket"):
        assert verify_logs(mixed.settings.model_copy(update={"artifact_url": url}), []) == 1
        said = capsys.readouterr().out
        assert "the record's place is" in said and "1 good capture" in said


def test_the_doctor_examines_the_store(mixed: MixedSession, s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.commands.doctor.STORE_WITHIN_S", DEADLINE_S)

    def found() -> tuple[str, str]:
        (finding,) = (finding for finding in examine(mixed.settings) if finding.subject == "A3CP_ARTIFACT_URL")
        return finding.verdict, finding.detail

    assert found()[0] == "ok"
    assert s3.keys(mixed.key.partition("/")[0]) == [mixed.key], "looking changes nothing"
    s3.conditional = False
    verdict, detail = found()
    assert verdict == "fail" and "overwrites what it has" in detail
    s3.conditional, s3.refuses = True, 403
    out = io.StringIO()
    assert doctor(mixed.settings, Console(file=out, width=300)) == 1
    assert "refuses: 403" in out.getvalue() and "s3:PutObject" in out.getvalue()
