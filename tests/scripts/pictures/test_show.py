"""``a3cp show``: the pictures of a verified record, or an error with the reason and no file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from PIL import Image

from contracts.messages.event import FeatureRefEvent
from contracts.process.settings import Settings, load_settings
from contracts.rules.errors import ArtifactError, ConfigurationError
from contracts.rules.paths import artifact_path
from gateway.preview.artifact import read_artifact
from gateway.preview.sheet import contact_sheet
from scripts.pictures.record import find_record
from scripts.pictures.show import pictures, recorded_of, show_record
from tests.scripts.exports.roots import Roots
from tests.scripts.pictures.captures import artifact, members, put, record

LEFT = (76, 201, 240)
NAMES = ["sheet.png", "animation.gif", "motion.png"]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("DATA_ROOT", str(tmp_path / "data"))
    monkeypatch.setenv("LOG_ROOT", str(tmp_path / "logs"))
    return load_settings()


def moving_hand() -> dict[str, Any]:
    """Eight frames in which the left hand goes from left to right, all of it at one place."""
    given = members(8)
    for frame in range(8):
        put(given["features"], frame, "left_hand", range(21), 0.1 + 0.1 * frame, 0.5)
    return given


def colours_at(image: Image.Image, x: int, y: int) -> list[tuple[int, ...]]:
    square = image.convert("RGB").crop((x - 4, y - 4, x + 4, y + 4))
    return [colour for _, colour in square.getcolors() or []]  # type: ignore[misc]


def close(colours: list[tuple[int, ...]], wanted: tuple[int, ...]) -> bool:
    return any(max(abs(a - b) for a, b in zip(colour, wanted, strict=True)) <= 4 for colour in colours)


def test_three_files_are_written_and_their_paths_printed(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    event = record(tmp_path, moving_hand())
    out = tmp_path / "new" / "out"
    assert show_record(settings, event.record_id, None, None, out) == 0
    paths = [out / f"{event.record_id}-{name}" for name in NAMES]
    assert capsys.readouterr().out.splitlines() == [str(path) for path in paths]
    assert sorted(out.iterdir()) == sorted(paths)
    sheet, moving, plot = (Image.open(io.BytesIO(path.read_bytes())) for path in paths)
    assert (sheet.format, moving.format, plot.format) == ("PNG", "GIF", "PNG")
    # 6 of 8 frames: the first tile is the first frame's
    assert LEFT in colours_at(sheet, 16 + 32, 16 + 120)
    assert getattr(moving, "n_frames", 1) == 8
    for frame in range(8):
        moving.seek(frame)
        assert moving.info["duration"] == (100 if frame < 7 else 1000)
        assert close(colours_at(moving, round(320 * (0.1 + 0.1 * frame)), 120), LEFT), frame


def test_the_sheet_is_the_gateways(tmp_path: Path) -> None:
    made = artifact(tmp_path, moving_hand())
    assert contact_sheet(recorded_of(made)) == contact_sheet(read_artifact(Path(made.facts.place).read_bytes()))


def test_the_same_artifact_is_the_same_bytes(tmp_path: Path) -> None:
    made = artifact(tmp_path, moving_hand())
    assert pictures(made) == pictures(made)


def test_every_frame_is_in_the_animation_however_many(tmp_path: Path) -> None:
    made = artifact(tmp_path, members(700))
    moving = Image.open(io.BytesIO(pictures(made)[f"{made.facts.record_id}-animation.gif"]))
    stood_ms = 0
    for frame in range(getattr(moving, "n_frames", 1)):
        moving.seek(frame)
        stood_ms += moving.info["duration"]
    assert stood_ms == 699 * 100 + 1000
    assert getattr(moving, "n_frames", 1) > 600


def test_a_capture_in_which_nothing_was_found_or_read_is_shown(settings: Settings, tmp_path: Path) -> None:
    event = record(tmp_path, members(2, decoded=np.zeros(2, bool), tracker_restarts=np.array([1, 2], "<i4")))
    assert show_record(settings, event.record_id, None, None, tmp_path / "out") == 0
    assert len(list((tmp_path / "out").iterdir())) == 3


def _place(settings: Settings, event: FeatureRefEvent) -> Path:
    return artifact_path(settings.data_root, event.user_id, event.session_id, event.record_id)


def test_a_file_that_does_not_match_its_event_is_not_drawn(settings: Settings, tmp_path: Path) -> None:
    event = record(tmp_path, moving_hand())
    path = _place(settings, event)
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    with pytest.raises(ArtifactError, match="hash"):
        show_record(settings, event.record_id, None, None, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "fields", "said"),
    [
        ("consent.withdrawn", {}, "consent to it was withdrawn"),
        ("capture.erased", {"hash": f"sha256:{'0' * 64}", "erased_at": "2026-02-01T00:00:00Z"}, "it is erased"),
    ],
)
def test_a_capture_that_is_withdrawn_or_erased_is_not_drawn(
    settings: Settings, tmp_path: Path, name: str, fields: dict[str, Any], said: str
) -> None:
    event = record(tmp_path, moving_hand())
    roots = Roots(tmp_path)
    source = "landmark_extractor" if fields else "library"
    named = {"schema_version": "1.0.1", "record_id": str(uuid4()), "timestamp": "2026-02-01T00:00:00Z", "event": name}
    statement = {**named, "performer_id": "p", "source": source, "capture_id": event.capture_id, **fields}
    roots.say(event.session_id, event.user_id, **statement)
    with pytest.raises(ArtifactError, match=f"{event.capture_id} is not shown: {said}"):
        show_record(settings, event.record_id, None, None, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert find_record(tmp_path / "logs", event.record_id) == event  # `a3cp replay` finds it


def test_a_record_is_found_among_many_sessions_in_whatever_case(tmp_path: Path) -> None:
    events = [record(tmp_path, members(1), user_id=user) for user in ("u1", "u1", "u2")]
    for event in events:
        assert find_record(tmp_path / "logs", event.record_id.upper()) == event
        assert find_record(tmp_path / "logs", event.capture_id) == event


def test_a_record_that_two_sessions_have_must_be_told_apart(tmp_path: Path) -> None:
    logs, record_id = tmp_path / "logs", str(uuid4())
    one, two = (record(tmp_path, members(1), user_id=user, record_id=record_id) for user in ("u1", "u2"))
    with pytest.raises(ArtifactError, match=f"--user u1 --session {one.session_id}, --user u2"):
        find_record(logs, record_id)
    assert find_record(logs, record_id, "u2") == two
    assert find_record(logs, record_id, session_id=one.session_id) == one
    with pytest.raises(ArtifactError, match="no session log"):
        find_record(logs, record_id, "u1", two.session_id)


UNKNOWN = "3f0a6a4e-6d0c-4c39-9d7e-1b7f0a5f2c11"


@pytest.mark.parametrize(
    ("record_id", "user_id", "session_id", "said"),
    [
        ("../../x", None, None, "neither a record_id nor a capture_id"),
        (UNKNOWN, "../*", None, "not a user_id"),
        (UNKNOWN, None, "*", "not a session_id"),
        (UNKNOWN, None, None, "no session log"),
    ],
)
def test_a_name_of_no_record_is_refused(
    tmp_path: Path, record_id: str, user_id: str | None, session_id: str | None, said: str
) -> None:
    with pytest.raises(ArtifactError, match=said):
        find_record(tmp_path, record_id, user_id, session_id)


def test_a_folder_that_cannot_be_written_is_named(settings: Settings, tmp_path: Path) -> None:
    event = record(tmp_path, members(1))
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="--output"):
        show_record(settings, event.record_id, None, None, tmp_path / "file")


def test_a_full_disk_leaves_the_earlier_pictures(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    event, out = record(tmp_path, moving_hand()), tmp_path / "out"
    out.mkdir()
    before = {out / f"{event.record_id}-{name}": b"from before" for name in NAMES}
    for path, data in before.items():
        path.write_bytes(data)
    write = Path.write_bytes

    def half(path: Path, data: bytes) -> int:
        write(path, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(ConfigurationError, match="No space left"):
        show_record(settings, event.record_id, None, None, out)
    assert {path: path.read_bytes() for path in out.iterdir()} == before
