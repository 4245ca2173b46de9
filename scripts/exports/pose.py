"""``pose``: sign-language-processing's ``.pose``, as the holistic loader of pose-format makes it. No I/O.

``x`` and ``y`` are in pixels of a picture of ``width × height``, ``z`` is MediaPipe's. The confidence of a body
landmark is its visibility; of every other landmark it is 1. A part that was not found has coordinates and confidence 0:
the library's readers mask landmarks of confidence 0.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import numpy as np
from pose_format import Pose
from pose_format.numpy import NumPyPoseBody
from pose_format.pose_header import PoseHeader, PoseHeaderDimensions

from contracts.rules.landmarks import Part
from scripts.exports.capture import VerifiedCapture
from scripts.exports.tables import CapturesTable, File

__all__ = ["COMPONENTS", "files", "to_pose"]

COMPONENTS: dict[str, Part] = {
    "POSE_LANDMARKS": "pose",
    "FACE_LANDMARKS": "face",
    "LEFT_HAND_LANDMARKS": "left_hand",
    "RIGHT_HAND_LANDMARKS": "right_hand",
}
"""pose-format's components, in its order. Its fifth, world landmarks, is left out: an artifact does not have them."""

_VERSION = 0.2


@cache
def _components() -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # compiling it warns of an invalid escape sequence in its source
        from pose_format.utils.holistic import holistic_components
    return [component for component in holistic_components() if component.name in COMPONENTS]


def to_pose(capture: VerifiedCapture) -> Pose:
    """The capture as a `Pose`: one person, data (T, 1, 543, 3)."""
    artifact = capture.artifact
    points = np.concatenate([capture.part(name)[:, :, :3] for name in COMPONENTS.values()], axis=1)
    missing = np.isnan(points).any(axis=2)
    confidence = np.ones(missing.shape, np.float32)
    visibility = capture.part("pose")[:, :, 3]
    confidence[:, : visibility.shape[1]] = np.nan_to_num(visibility, nan=0.0)
    confidence[missing] = 0
    points *= np.array([artifact.width, artifact.height, 1], np.float32)
    points[missing] = 0
    header = PoseHeader(_VERSION, PoseHeaderDimensions(artifact.width, artifact.height), _components())
    return Pose(header, NumPyPoseBody(capture.fps, points[:, np.newaxis], confidence[:, np.newaxis]))


def files(captures: Iterable[VerifiedCapture]) -> Iterator[File]:
    """``<record_id>.pose`` for each capture, and the files of `CapturesTable`."""
    table = CapturesTable()
    for capture in captures:
        buffer = io.BytesIO()
        to_pose(capture).write(buffer)
        file = File(f"{capture.record_id}.pose", buffer.getvalue())
        yield file
        yield table.add(capture, file.path)
    yield table.file()
