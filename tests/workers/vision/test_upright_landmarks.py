"""The landmarks of a person are the same however the camera stored the picture."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from contracts.rules.limits import CaptureLimits
from scripts.clips.images import read_image
from tests.support.clips import face_clip
from tests.support.later import Later
from tests.workers.vision.cameras import filmed
from tests.workers.vision.test_camera_videos import ONE, STORERS
from workers.vision.decode import decode_jpeg
from workers.vision.video import Video

solution = Later("mediapipe.python.solutions.holistic")

pytestmark = pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning")

SIZE = 480, 360
INVERSE = {(0, 1, -1, 0): (0, -1, 1, 0), (0, -1, 1, 0): (0, 1, -1, 0)}
"""Of the eight, these two are not their own."""


@pytest.fixture(scope="module")
def landmarks() -> Iterator[Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float64]]]:
    """x and y of pose and face, each picture processed alone."""
    with solution.Holistic(static_image_mode=True) as graph:

        def found(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
            results: Any = graph.process(image)
            parts = (results.pose_landmarks, results.face_landmarks)
            assert all(part is not None for part in parts), "a pose and a face are there"
            return np.array([(point.x, point.y) for part in parts for point in part.landmark])

        yield found


@cache
def upright() -> npt.NDArray[np.uint8]:
    image = decode_jpeg(face_clip(1, *SIZE)[0], *SIZE)
    assert image is not None
    return image


def first_of(data: bytes) -> npt.NDArray[np.uint8]:
    limits = CaptureLimits(min_duration_s=0)
    return next(iter(Video(lambda: io.BytesIO(data), limits).pictures())).image()


def apart(landmarks: Any, image: npt.NDArray[np.uint8]) -> float:
    assert image.shape == upright().shape
    return float(np.abs(landmarks(image) - landmarks(upright())).mean())


@pytest.mark.parametrize("abcd", STORERS)
def test_of_a_video_whatever_its_display_matrix(landmarks: Any, abcd: tuple[int, int, int, int]) -> None:
    a, b, c, d = abcd
    stored = np.ascontiguousarray(STORERS[INVERSE.get(abcd, abcd)](upright()))
    matrix = (a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30)
    assert apart(landmarks, first_of(filmed([stored] * 4, matrix=matrix))) < 0.02


def test_of_a_video_whose_pixels_are_not_square(landmarks: Any) -> None:
    narrow = np.asarray(Image.fromarray(upright()).resize((360, 360)))
    assert apart(landmarks, first_of(filmed([narrow] * 4, pixel_aspect=Fraction(4, 3)))) < 0.02


@pytest.mark.parametrize("orientation", range(1, 9))
def test_of_a_photograph_whatever_its_exif(landmarks: Any, orientation: int, tmp_path: Path) -> None:
    image = Image.fromarray(upright())
    how = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }.get(orientation)  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    (image if how is None else image.transpose(how)).save(tmp_path / "one.png", exif=exif)
    pixels = read_image(tmp_path / "one.png", CaptureLimits()).pixels
    assert pixels is not None
    assert apart(landmarks, pixels) < 0.02
