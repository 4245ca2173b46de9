"""The recording for Rerun, read back with Rerun's own loader, and the error if Rerun is not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rerun as rr

from contracts.rules.landmarks import CONNECTIONS
from scripts.pictures.rerun_recording import rerun_recording
from tests.scripts.pictures.captures import artifact, members, put

ROOT = Path(__file__).resolve().parents[3]


def test_rerun_reads_back_what_was_recorded(tmp_path: Path) -> None:
    given = members(3, decoded=np.array([True, False, True]), tracker_restarts=np.array([3], "<i4"))
    for frame, x in ((0, 0.25), (2, 0.5)):
        put(given["features"], frame, "right_hand", range(21), x, 0.5)
    put(given["features"], 2, "pose", [11, 12], 0.5, 0.5)  # the other 31 have a visibility of 0
    made = artifact(tmp_path, given)
    path = tmp_path / "x.rrd"
    path.write_bytes(rerun_recording(made))

    recording = rr.dataframe.load_recording(str(path))
    assert recording.recording_id() == made.facts.record_id
    table = recording.view(index="frame", contents="/**").select().read_all()
    assert table.column("frame").to_pylist() == [1, 2, 3]
    hand = table.column("/landmarks/right_hand:Position2D").to_pylist()
    assert hand == [[[160.0, 240.0]] * 21, [], [[320.0, 240.0]] * 21]
    lines = table.column("/landmarks/right_hand/lines:LineStrip2D").to_pylist()
    assert [len(strips) for strips in lines] == [len(CONNECTIONS["right_hand"]), 0, len(CONNECTIONS["right_hand"])]
    assert [len(points) for points in table.column("/landmarks/pose:Position2D").to_pylist()] == [0, 0, 2]
    said = table.column("/events:Text").to_pylist()
    assert said == [None, ["the frame's picture is unreadable"], ["tracking started again"]]


def test_a_recorded_speed_is_the_plotted_one(tmp_path: Path) -> None:
    given = members(2)
    put(given["features"], 0, "left_hand", range(21), 0.5, 0.25)
    put(given["features"], 1, "left_hand", range(21), 0.5, 0.75)
    path = tmp_path / "x.rrd"
    path.write_bytes(rerun_recording(artifact(tmp_path, given)))
    table = rr.dataframe.load_recording(str(path)).view(index="frame", contents="/speed/**").select().read_all()
    assert table.column("/speed/left_hand:Scalar").to_pylist()[-1] == pytest.approx([0.5 / 0.1], rel=1e-5)


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
    assert run.stderr == "a3cp show: --rerun: the Rerun SDK is not installed; pip install '.[rerun]' does it\n"
