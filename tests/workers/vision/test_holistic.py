"""Real MediaPipe on real JPEGs: few frames, exact results."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import fakeredis
import numpy as np
import numpy.typing as npt
import pytest
import simplejpeg

from contracts.rules.landmarks import LAYOUT
from tests.support.clips import face_clip, hands_clip
from tests.support.later import Later
from tests.workers.broker_capture import BrokerCapture
from workers.vision.decode import decode_jpeg
from workers.vision.matrix import features_row
from workers.vision.pipelines.base import Findings, Image
from workers.vision.pipelines.solution import SolutionPipeline

holistic = Later("workers.vision.pipelines.holistic")
solution = Later("mediapipe.python.solutions.holistic")

pytestmark = pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning")

FRAMES, SIZE = 8, (320, 240)


@cache
def clip() -> list[bytes]:
    return face_clip(FRAMES, *SIZE)


@cache
def clips() -> dict[str, list[bytes]]:
    """Clips by what is in them. In the last one the left hand leaves the picture, and comes back."""
    scenes = {scene: hands_clip(scene, FRAMES, *SIZE) for scene in ("two_hands", "one_hand", "no_hand")}
    leaving = hands_clip("hand_leaves", 72, *SIZE)
    return {"portrait": clip(), **scenes, "hand_leaves": leaving[22:32] + leaving[60:]}


def found(rows: npt.NDArray[np.float32]) -> dict[str, list[bool]]:
    """For each part, in which rows it is."""
    return {part.name: (~np.isnan(rows[:, part.start])).tolist() for part in LAYOUT}


def bare_loop(jpegs: Sequence[bytes]) -> npt.NDArray[np.float32]:
    """A plain loop after MediaPipe's documentation, with the columns of the contract's layout."""
    rows = []
    with solution.Holistic() as holistic:
        for jpeg in jpegs:
            results = holistic.process(simplejpeg.decode_jpeg(jpeg))
            row: list[float] = []
            for name, count in (("pose", 33), ("left_hand", 21), ("right_hand", 21), ("face", 468)):
                landmarks = getattr(results, f"{name}_landmarks")
                width = 4 if name == "pose" else 3
                if landmarks is None:
                    row += [float("nan")] * (count * width)
                    continue
                for point in landmarks.landmark:
                    row += [point.x, point.y, point.z] + ([point.visibility] if name == "pose" else [])
            rows.append(row)
    return np.array(rows, np.float32)


@cache
def expected(name: str) -> npt.NDArray[np.float32]:
    return bare_loop(clips()[name])


def extract(capture: BrokerCapture, jpegs: Sequence[bytes]) -> dict[str, npt.NDArray[Any]]:
    capture.push(*jpegs).close()
    assert capture.run(capture.dependencies("one", make_pipeline=holistic.create)) == "published"
    with np.load(capture.path, allow_pickle=False) as members:
        return {name: members[name] for name in members.files}


def another(capture: BrokerCapture) -> BrokerCapture:
    return BrokerCapture(capture.frames, capture.events, capture.data_root, capture.unique, shape=SIZE).open(
        reserve=False
    )


@pytest.fixture
def face_capture(tmp_path: Path, unique: str) -> BrokerCapture:
    server = fakeredis.FakeServer()
    frames, events = fakeredis.FakeRedis(server=server, db=0), fakeredis.FakeRedis(server=server, db=1)
    return BrokerCapture(frames, events, tmp_path, unique, shape=SIZE).open()


def test_the_clip_has_a_pose_and_a_face_in_every_frame() -> None:
    rows = expected("portrait")
    assert not np.isnan(rows[:, :132]).any()
    assert not np.isnan(rows[:, 258:]).any()
    assert len({hashlib.sha256(jpeg).digest() for jpeg in clip()}) == FRAMES
    assert clip() == face_clip(FRAMES, *SIZE), "the clip must be the same every time"


@pytest.mark.parametrize(
    ("name", "hands"), [("two_hands", (True, True)), ("one_hand", (False, True)), ("no_hand", (False, False))]
)
def test_a_clip_has_its_hands_in_every_frame_once_they_are_tracked(name: str, hands: tuple[bool, bool]) -> None:
    parts = found(expected(name))
    for part, there in (("left_hand", hands[0]), ("right_hand", hands[1]), ("pose", True), ("face", True)):
        assert parts[part][2:] == [there] * (FRAMES - 2), part


def test_a_hand_leaves_its_clip_and_comes_back() -> None:
    left = found(expected("hand_leaves"))["left_hand"]
    assert (left[1], left[-1]) == (True, True)
    assert not all(left[1:])


@pytest.mark.parametrize("name", ["portrait", "two_hands", "one_hand", "no_hand", "hand_leaves"])
def test_the_features_are_bit_for_bit_those_of_a_bare_loop(face_capture: BrokerCapture, name: str) -> None:
    members = extract(face_capture, clips()[name])
    assert members["features"].tobytes() == expected(name).tobytes()
    assert members["decoded"].all()


def test_the_same_clip_twice_gives_the_same_bytes_and_hash(face_capture: BrokerCapture) -> None:
    extract(face_capture, clips()["two_hands"])
    second = another(face_capture)
    extract(second, clips()["two_hands"])
    assert second.path != face_capture.path
    assert second.path.read_bytes() == face_capture.path.read_bytes()


def test_a_takeover_restarts_tracking_and_notes_the_frame(face_capture: BrokerCapture) -> None:
    class Dying(SolutionPipeline):
        seen = 0

        def process(self, image: Image) -> Findings:
            self.seen += 1
            if self.seen == 4:
                raise SystemExit
            return super().process(image)

    capture = face_capture
    capture.push(*clip()).close()
    with pytest.raises(SystemExit):
        capture.run(capture.dependencies("one", make_pipeline=lambda: Dying(solution.Holistic(), holistic.find)))
    capture.abandon()
    assert capture.run(capture.dependencies("two", make_pipeline=holistic.create)) == "published"
    with np.load(capture.path, allow_pickle=False) as members:
        assert members["tracker_restarts"].tolist() == [4]
        both = np.concatenate([bare_loop(clip()[:3]), bare_loop(clip()[3:])])
        assert members["features"].tobytes() == both.tobytes()


def test_a_pipeline_that_was_reset_finds_the_same_as_a_new_one() -> None:
    pipeline = holistic.create()
    images = [decode_jpeg(jpeg, *SIZE) for jpeg in clip()[:3]]
    first, second = [], []
    for rows in (first, second):
        for image in images:
            assert image is not None
            rows.append(features_row(pipeline.process(image).landmarks))
        pipeline.reset()
    pipeline.close()
    assert first == second


def test_a_black_picture_has_no_findings() -> None:
    pipeline = holistic.create()
    findings = pipeline.process(np.zeros((48, 64, 3), np.uint8))
    assert (findings.landmarks, findings.confidences, findings.detections) == ({}, {}, [])
    pipeline.close()
