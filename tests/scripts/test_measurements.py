"""The rows of measurements and their goals."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.clips.hands import HandsSource
from scripts.measurements.models import Models
from scripts.measurements.plot import draw
from scripts.measurements.processes import cpu_s, tree_cpu_s
from scripts.measurements.rows import BenchRow, median, percentile


@pytest.mark.parametrize(
    ("row", "met"),
    [
        (BenchRow("slow", 12.0, "ms", 1.15, 10.0), False),
        (BenchRow("quick", 11.0, "ms", 1.15, 10.0), True),
        (BenchRow("few", 80.0, "frames/s", 0.85, 100.0, "", "at least"), False),
        (BenchRow("many", 90.0, "frames/s", 0.85, 100.0, "", "at least"), True),
        (BenchRow("no floor", 3.0, "ms", 2.0), False),
        (BenchRow("no goal", 3.0, "ms"), None),
    ],
    ids=lambda value: value.name if isinstance(value, BenchRow) else "",
)
def test_a_goal_is_for_the_ratio_or_without_a_floor_for_the_value(row: BenchRow, met: bool | None) -> None:
    assert row.met is met
    assert row.document()["met"] is met


def test_the_ratio_is_in_the_document() -> None:
    assert BenchRow("twice", 20.0, "ms", None, 10.0).document()["ratio"] == 2.0
    assert BenchRow("alone", 20.0, "ms").document()["ratio"] is None


def test_a_percentile_is_a_sample_that_so_many_do_not_exceed() -> None:
    samples = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert (median(samples), percentile(samples, 0.5)) == (3.0, 3.0)
    assert (percentile(samples, 0.8), percentile(samples, 0.81), percentile(samples, 1.0)) == (4.0, 5.0, 5.0)
    assert percentile([7.0], 0.01) == 7.0


def test_rows_with_a_place_are_drawn_and_others_are_not(tmp_path: Path) -> None:
    path = tmp_path / "bench.png"
    alone = BenchRow("alone", 3.0, "ms")
    placed = [BenchRow("slow", 20.0 + n, "ms", None, 20.0, "bare", against=("extractors", n)) for n in (2, 1)]
    assert not draw([alone], path)
    assert not path.exists()
    assert draw([alone, *placed, BenchRow("few", 80.0, "frames/s", against=("captures that wait", 1))], path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_process_has_used_what_it_and_its_children_have_used() -> None:
    spin = "import time\nwhile time.process_time() < 0.1: pass\n"
    code = (
        f"import subprocess, sys\n{spin}subprocess.run([sys.executable, '-c', {spin + 'print(flush=True); input()'!r}])"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert cpu_s(process.pid) >= 0.08
        assert tree_cpu_s(process.pid) >= cpu_s(process.pid) + 0.08
        process.communicate()


@pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning")
def test_each_model_runs_alone_for_the_frames_for_which_it_runs_in_the_graph() -> None:
    jpegs = [frame.jpeg for frame in HandsSource("one_hand", duration_s=0.2).frames()]
    models = Models(jpegs)
    assert models.costs(len(jpegs)).keys() == {
        "pose detection",
        "pose",
        "hand recrop",
        "hand",
        "face detection",
        "face",
    }
    assert all(cost == (0, 0) for cost in models.costs(len(jpegs)).values())
    for number in range(len(jpegs)):
        models.run(number)
    costs = models.costs(len(jpegs))
    # the person is looked for once; hands are where the pose has wrists, so one that is not there costs as much
    expected = {"pose detection": 1 / 3, "pose": 1, "hand recrop": 2, "hand": 2, "face detection": 1, "face": 1}
    assert {name: cost.runs for name, cost in costs.items()} == pytest.approx(expected)
    assert all(cost.ms > 0 for cost in costs.values())
    assert list(costs.values()) == sorted(costs.values(), key=lambda cost: -cost.ms)
