"""A compromised worker's artifact, with its right hash in the event: every reader reports the fault and goes on.

Memory and work are bounded by the file's own length, so each of these is refused at once; none is waited for.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from contracts.rules.errors import ArtifactError
from contracts.rules.landmarks import DIMS
from contracts.rules.paths import artifact_path
from contracts.storage.artifacts import ArtifactSource
from contracts.storage.files import read_regular
from contracts.storage.npz import read_npz
from gateway.preview.artifact import read_artifact
from tests.attack.artifacts import GOOD, HOSTILE_ARTIFACTS, hostile_artifact
from tests.recorder.samples import arrays
from tests.recorder.test_verify import Session
from workers.vision.matrix import FeatureMatrix

BY_NAME = pytest.mark.parametrize("name", HOSTILE_ARTIFACTS)
MOST_BYTES = 1_000_000


def test_the_artifact_that_the_hostile_ones_are_made_from_is_valid() -> None:
    assert len(read_artifact(GOOD)) == 3
    read = read_npz(GOOD)
    assert list(read) == ["features", "seq", "timestamps_ms", "decoded", "tracker_restarts", "meta"]
    assert (read["features"].dtype, read["features"].shape) == ("<f4", (3, DIMS))
    assert bytes(read["features"].data) == arrays(3)["features"].tobytes()
    assert read["meta"].text() == str(arrays(3)["meta"])


@BY_NAME
def test_the_gateway_refuses_a_hostile_artifact(name: str) -> None:
    with pytest.raises(ArtifactError):
        read_artifact(hostile_artifact(name))


@BY_NAME
def test_an_extractor_does_not_take_a_hostile_artifact_for_its_own(name: str) -> None:
    assert not FeatureMatrix.of([], []).is_in(hostile_artifact(name))


def test_verify_names_each_hostile_artifact_and_goes_on(tmp_path: Path) -> None:
    session = Session(tmp_path)
    bad = [session.capture(data=hostile_artifact(name)) for name in HOSTILE_ARTIFACTS]
    good = session.capture()
    report = session.report()
    assert [facts.record_id for facts in report.captures] == [good]
    assert [finding.record_id for finding in report.findings] == bad


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _link(path: Path) -> None:
    path.with_suffix(".real").write_bytes(GOOD)
    path.symlink_to(path.with_suffix(".real"))


def _loop(path: Path) -> None:
    path.symlink_to(path)


def _folder(path: Path) -> None:
    path.mkdir()


def _sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 2**40)


MAKERS = [_fifo, _device, _link, _loop, _folder, _sparse]


@pytest.mark.parametrize("make", MAKERS)
def test_a_path_to_no_regular_file_is_neither_read_nor_waited_for(tmp_path: Path, make: object) -> None:
    make(tmp_path / "x")  # type: ignore[operator]
    with pytest.raises(ArtifactError, match="cannot be read"):
        read_regular(tmp_path / "x", MOST_BYTES)


def test_a_socket_is_not_read(tmp_path: Path) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "x"))
        with pytest.raises(ArtifactError, match="cannot be read"):
            read_regular(tmp_path / "x", MOST_BYTES)


def test_a_file_of_the_longest_length_is_read_and_one_byte_more_is_not(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(100))
    assert read_regular(path, 100) == bytes(100)
    with pytest.raises(ArtifactError, match="longer than 99 bytes"):
        read_regular(path, 99)


@pytest.mark.parametrize("make", MAKERS)
def test_verify_goes_on_after_a_path_to_no_regular_file(tmp_path: Path, make: object) -> None:
    session = Session(tmp_path)
    bad = session.capture()
    path = artifact_path(session.data_root, "u1", session.session_id, bad)
    path.unlink()
    make(path)  # type: ignore[operator]
    good = session.capture()
    report = session.report()
    assert [facts.record_id for facts in report.captures] == [good]
    assert [finding.record_id for finding in report.findings] == [bad]


def test_a_file_longer_than_the_events_frames_need_is_not_read(tmp_path: Path) -> None:
    session = Session(tmp_path)
    record_id = session.capture()
    os.truncate(artifact_path(session.data_root, "u1", session.session_id, record_id), 100_000_000)
    [problem] = session.problems()
    assert "longer than" in problem


_IN_LITTLE_MEMORY = """
import resource, sys
from contracts.rules.errors import ArtifactError
from contracts.storage.npz import read_npz
from tests.attack.artifacts import HOSTILE_ARTIFACTS, hostile_artifact
made = {name: hostile_artifact(name) for name in HOSTILE_ARTIFACTS}
used = int(open("/proc/self/statm").read().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (used + 64_000_000, used + 64_000_000))
for name, data in made.items():
    try:
        read_npz(data)
    except ArtifactError as error:
        assert not isinstance(error.__cause__, MemoryError), name
print("all read")
"""


def test_no_artifact_takes_more_memory_than_its_own_length() -> None:
    done = subprocess.run([sys.executable, "-c", _IN_LITTLE_MEMORY], capture_output=True, text=True, check=False)
    assert done.stdout == "all read\n", done.stderr


@pytest.mark.parametrize("seed", range(4))
def test_damage_raises_no_error_but_the_declared_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(300):
        data = bytearray(GOOD)
        for at in rng.integers(0, len(data), 6):
            data[at] = rng.integers(0, 256)
        for at in rng.integers(
            len(data) - 500, len(data), 3
        ):  # the ZIP directory at the end is the most sensitive part
            data[at] = rng.integers(0, 256)
        try:
            read_artifact(bytes(data))
        except ArtifactError:
            continue


def test_artifacts_are_read_from_regular_files_alone(tmp_path: Path) -> None:
    _fifo(tmp_path / "x")
    with pytest.raises(ArtifactError, match="not a regular file"):
        ArtifactSource(tmp_path).read("x")
