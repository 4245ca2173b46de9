"""``a3cp verify`` and ``a3cp replay``: their lines and exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.messages.quality import Quality
from contracts.rules.errors import ArtifactError, ConfigurationError
from scripts.commands.verify import replay_record, verify_logs
from scripts.terminal import READER_LEFT
from tests.recorder.samples import arrays
from tests.scripts.exports.roots import Roots, landmarks
from tests.scripts.test_cli import ROOT


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    return Roots(tmp_path)


def test_a_session_is_named_by_its_id(roots: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    wanted, other = roots.session(), roots.session("zoe")
    roots.capture(wanted)
    assert verify_logs(roots.settings, [wanted]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == "1 session verified, 1 capture good"
    assert wanted in out and other not in out


def test_a_missing_session_is_named_with_the_folder_that_was_searched(
    roots: Roots, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = roots.settings.model_copy(update={"log_root": Path("nowhere"), "data_root": Path("nothing")})
    for sessions in ([], ["sess_0123456789abcdef"]):
        with pytest.raises(ConfigurationError, match=f"no (such )?session log under {tmp_path}/nowhere"):
            verify_logs(settings, sessions)
    with pytest.raises(ArtifactError, match=f"below {tmp_path}/nowhere"):
        replay_record(settings, "3f2504e0-4f89-41d3-9a0c-0305e82c3301")


def test_a_missing_artifact_is_named_with_its_path(
    roots: Roots, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    session = roots.session()
    record = roots.capture(session)
    monkeypatch.chdir(tmp_path)
    settings = roots.settings.model_copy(update={"data_root": Path("elsewhere")})
    where = f"the artifact does not exist: {tmp_path}/elsewhere/users/u1/sessions/{session}/features/{record}.npz"
    assert verify_logs(settings, []) == 1
    assert where in capsys.readouterr().out
    for known in ((), ("u1", session)):
        with pytest.raises(ArtifactError, match=where):
            replay_record(settings, record, *known)


def test_a_record_is_replayed_by_its_id_alone(roots: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    session = roots.session()
    record = roots.capture(session)
    for known in ((), ("u1", None), (None, session), ("u1", session)):
        assert replay_record(roots.settings, record, *known) == 0
        assert f"{record}.npz" in capsys.readouterr().out
    with pytest.raises(ArtifactError, match=f"user zoe has no session {session}: there is no "):
        replay_record(roots.settings, record, "zoe", session)
    with pytest.raises(ArtifactError, match=record):
        replay_record(roots.settings, record, "zoe")


def test_replay_computes_the_quality_again_and_compares_it(roots: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    def replayed(**quality: object) -> tuple[int, list[str]]:
        record = roots.capture(roots.session(), arrays(), **({"quality": quality} if quality else {}))
        code = replay_record(roots.settings, record)
        lines = capsys.readouterr().out.splitlines()
        return code, lines[4:]

    said = load_quality()
    verdict = "quality   check: hands_still"
    assert replayed() == (0, [f"{verdict}; the event says nothing of it"])
    assert replayed(**said) == (0, [f"{verdict}; equal to that of the event"])
    assert replayed(**said | {"rules": "quality_v2", "time_gaps": 1}) == (
        0,
        [f"{verdict}; the event has that of other rules, quality_v2"],
    )
    assert replayed(**said | {"time_gaps": 1, "undecoded_frames": 2}) == (
        1,
        [
            f"{verdict}; FAILED: the event says another",
            "          quality.time_gaps is 1 in the event, 0 in the artifact",
            "          quality.undecoded_frames is 2 in the event, 0 in the artifact",
        ],
    )


def load_quality() -> dict[str, object]:
    """The quality of the artifact that `arrays` makes."""
    members = arrays()
    features, times, decoded = (members[name] for name in ("features", "timestamps_ms", "decoded"))
    return Quality.of(features.tobytes(), times.tolist(), decoded.tolist()).model_dump()


def test_a_capture_of_an_empty_room_is_valid_and_noted(roots: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    session = roots.session()
    for missing in (1.0, 0.1, 1.0):
        roots.capture(session, landmarks(3, seed=int(missing), missing=missing))
    assert verify_logs(roots.settings, []) == 0
    assert "3 good captures, nothing was found in 2\n" in capsys.readouterr().out


def test_names_are_shown_as_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in (b"\xe9", b"\x1b[31m", b"[red]"):
        roots = Roots(tmp_path / os.fsdecode(name))
        roots.capture(roots.session())
        assert verify_logs(roots.settings, []) == 0
        out = capsys.readouterr().out
        assert out.encode("ascii") and "\x1b" not in out and "1 capture good" in out


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize("arguments", [("verify",), ("replay",), ("acl", "frames"), ("doctor",)])
def test_a_reader_that_leaves_ends_the_command_in_silence(roots: Roots, arguments: tuple[str, ...]) -> None:
    record = roots.capture(roots.session())
    arguments = (*arguments, record) if arguments == ("replay",) else arguments
    reader, writer = os.pipe()
    os.close(reader)
    environ = {
        "PYTHONPATH": str(ROOT),
        "DATA_ROOT": str(roots.settings.data_root),
        "LOG_ROOT": str(roots.settings.log_root),
    }
    try:
        run = subprocess.run(
            [sys.executable, "-m", "scripts.cli", *arguments],
            stdout=writer, stderr=subprocess.PIPE, text=True, env={**os.environ, **environ}, timeout=300, check=False,
        )  # fmt: skip
    finally:
        os.close(writer)
    assert (run.returncode, run.stderr) == (READER_LEFT, "")
