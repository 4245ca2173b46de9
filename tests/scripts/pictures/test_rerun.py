"""The recording for Rerun, read back with Rerun's own loader, and the error if Rerun is not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts.rules.landmarks import CONNECTIONS
from tests.scripts.pictures.captures import artifact, members, put
from tests.support.later import Later

reader = Later("rerun.chunk")
writer = Later("scripts.pictures.rerun_recording")

ROOT = Path(__file__).resolve().parents[3]


def read(path: Path) -> dict[str, dict[int, Any]]:
    """The values in a recording, by entity and component, of each frame."""
    found: dict[str, dict[int, Any]] = {}
    for chunk in reader.RrdReader(path).stream().to_chunks():
        columns = chunk.to_record_batch().to_pydict()
        frames = columns.pop("frame", [])
        for name, values in columns.items():
            found.setdefault(f"{chunk.entity_path} {name}", {}).update(zip(frames, values, strict=False))
    return found


def test_rerun_reads_back_what_was_recorded(tmp_path: Path) -> None:
    given = members(3, decoded=np.array([True, False, True]), tracker_restarts=np.array([3], "<i4"))
    for frame, x in ((0, 0.25), (2, 0.5)):
        put(given["features"], frame, "right_hand", range(21), x, 0.5)
    put(given["features"], 2, "pose", [11, 12], 0.5, 0.5)  # the other 31 have a visibility of 0
    made = artifact(tmp_path, given)
    path = tmp_path / "x.rrd"
    path.write_bytes(writer.rerun_recording(made))

    (recording,) = reader.RrdReader(path).recordings()
    assert recording.recording_id == made.facts.record_id
    found = read(path)
    hand = found["/landmarks/right_hand Points2D:positions"]
    assert hand == {1: [[160.0, 240.0]] * 21, 2: [], 3: [[320.0, 240.0]] * 21}
    lines = found["/landmarks/right_hand/lines LineStrips2D:strips"]
    count = len(CONNECTIONS["right_hand"])
    assert {frame: len(strips) for frame, strips in lines.items()} == {1: count, 2: 0, 3: count}
    pose = found["/landmarks/pose Points2D:positions"]
    assert {frame: len(points) for frame, points in pose.items()} == {1: 0, 2: 0, 3: 2}
    assert found["/events TextLog:text"] == {2: ["the frame's picture is unreadable"], 3: ["tracking started again"]}


def test_a_recorded_speed_is_the_plotted_one(tmp_path: Path) -> None:
    given = members(2)
    put(given["features"], 0, "left_hand", range(21), 0.5, 0.25)
    put(given["features"], 1, "left_hand", range(21), 0.5, 0.75)
    path = tmp_path / "x.rrd"
    path.write_bytes(writer.rerun_recording(artifact(tmp_path, given)))
    assert read(path)["/speed/left_hand Scalars:scalars"][2] == pytest.approx([0.5 / 0.1], rel=1e-5)


def test_without_the_extra_one_line_says_how_to_install_it(tmp_path: Path) -> None:
    code = "import sys; sys.modules['rerun'] = None; from scripts.cli import main; main()"
    run = subprocess.run(
        [sys.executable, "-c", code, "show", "00000000-0000-4000-8000-000000000000", "--rerun"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
    )
    assert run.returncode == 2
    assert run.stderr == "a3cp show: --rerun: the Rerun SDK is not installed; ./scripts/install does it\n"
