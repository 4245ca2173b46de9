"""Clips of a person with two hands, with one and with none in the picture, for measurements and tests.

They are made in memory from a portrait in the public domain, which matplotlib ships, and a drawn hand, so they need no
download. MediaPipe tracks these hands as it tracks those of people, so a frame costs what it costs with them. Blending
and noise are whole-number arithmetic, so the same scene gives the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import simplejpeg
from PIL import Image

from contracts.rules.limits import CaptureLimits
from scripts.clips.clip import Clip, ClipFrame, encode
from scripts.clips.drawn_hand import BACKGROUND, PALM, right_hand
from scripts.clips.sample import portrait_jpeg
from scripts.clips.warp import Affine, Pixels, warped

__all__ = ["SCENES", "HandsSource", "Scene"]

Scene = Literal["two_hands", "one_hand", "no_hand", "hand_leaves", "hands_cut_off", "still_hands"]
"""What the hands do: both move; only the right one is there, and moves; there is none; both move, and the left one is
out of the picture for a third of the time; both move at the lower edge, partly below it; both rest, before a camera
that rests."""

SCENES: tuple[Scene, ...] = get_args(Scene)

LOOP_S = 6
"""The movements repeat after this time."""

_FPS = 15
_HEIGHT = 480
"""The height of the scene. Places are pixels from the middle of its upper edge, whatever the frame's size."""

_HAND_SIZE = 0.5
_PORTRAIT_SIZE = 0.6
"""If the portrait is larger or the hands are smaller, MediaPipe loses them: its pose expects the wrists elsewhere."""

_NOISE = 4
"""The largest change of a pixel. A frame at 640 × 480 is then about 60 KB, as those of a camera are."""


class Place(NamedTuple):
    """The place of a hand's palm in the scene, and the hand's angle in degrees, clockwise."""

    x: float
    y: float
    angle: float


class HandsSource(Clip):
    """A person who moves their hands before a camera that pans and zooms slowly, 15 frames a second.

    Args:
        scene: what the hands do.
        size: width and height of the frames, in pixels.
        mirrored: each frame is mirrored, so MediaPipe takes the right hand for the left one.
    """

    fps_target = _FPS

    def __init__(
        self,
        scene: Scene,
        *,
        limits: CaptureLimits | None = None,
        duration_s: float = 8.0,
        size: tuple[int, int] = (640, 480),
        mirrored: bool = False,
    ) -> None:
        self.name = f"clip {scene}"
        self.width, self.height = size
        self._scene = scene
        self._mirrored = mirrored
        self._limits = limits or CaptureLimits()
        self.expected_frames = round(duration_s * _FPS)

    def frames(self) -> Iterator[ClipFrame]:
        for index in range(self.expected_frames):
            yield ClipFrame(round(1000 * index / _FPS), encode(self.picture(index), self._limits))

    def picture(self, index: int) -> Pixels:
        """One frame's pixels, uint8 (height, width, 3), RGB."""
        camera = self._camera(index)
        picture = warped(_portrait(), camera @ _portrait_in_scene(), (self.width, self.height), BACKGROUND)
        for place, mirrored in _hands(self._scene, index):
            self._draw_hand(picture, camera @ _hand_in_scene(place, mirrored))
        if self._mirrored:
            picture = picture[:, ::-1]
        return _with_noise(picture, index)

    def _camera(self, index: int) -> Affine:
        """The map from the scene to the frame; it does not move before hands that rest."""
        phase = 0.0 if self._scene == "still_hands" else 2 * math.pi * index / (2 * LOOP_S * _FPS)
        zoom = self.height / _HEIGHT * (1 + 0.05 * math.sin(phase))
        x, y = 12 * math.sin(2 * phase), 8 * math.sin(phase)
        return np.array([[zoom, 0, self.width / 2 + zoom * x], [0, zoom, zoom * y], [0, 0, 1]], np.float64)

    def _draw_hand(self, picture: Pixels, to_frame: Affine) -> None:
        size = (self.width, self.height)
        coverage = warped(right_hand().coverage, to_frame, size, 0)
        left, top, right, bottom = Image.fromarray(coverage).getbbox() or (0, 0, 0, 0)
        box = (slice(top, bottom), slice(left, right))
        share = coverage[box][..., None].astype(np.uint16)
        hand = warped(right_hand().pixels, to_frame, size, BACKGROUND)[box]
        picture[box] = (picture[box] * (255 - share) + hand * share + 127) // 255


def _hands(scene: Scene, index: int) -> Iterator[tuple[Place, bool]]:
    """The hands of one frame, with True for the left one: it is the drawn right hand, mirrored."""
    phase = 0.0 if scene == "still_hands" else 2 * math.pi * index / (LOOP_S * _FPS)
    if scene == "no_hand":
        return
    depth = 130.0 if scene == "hands_cut_off" else 0.0
    y = 345 + depth + 30 * math.sin(3 * phase)
    yield Place(-190 + 25 * math.cos(2 * phase), y, 12 * math.sin(2 * phase)), False
    if scene == "one_hand":
        return
    left_y = 345 + depth + 30 * math.cos(3 * phase)
    if scene == "hand_leaves":
        left_y += _sunk(index % (LOOP_S * _FPS) / _FPS)
    yield Place(190 + 25 * math.sin(2 * phase), left_y, 12 * math.cos(2 * phase)), True


def _sunk(seconds: float) -> float:
    """How far below its place the left hand is, in pixels, so many seconds after the loop's start. It is out of the
    picture for the loop's middle third, and half a second on its way each time."""
    out_s, back_s, way_s = LOOP_S / 3, 2 * LOOP_S / 3, 0.5
    share = min((seconds - out_s) / way_s + 1, (back_s - seconds) / way_s + 1)
    return 330 * min(1.0, max(0.0, share))


def _hand_in_scene(place: Place, mirrored: bool) -> Affine:
    angle = math.radians(place.angle)
    cos, sin = _HAND_SIZE * math.cos(angle), _HAND_SIZE * math.sin(angle)
    side = -1 if mirrored else 1
    from_palm = np.array([[side * cos, -sin, place.x], [side * sin, cos, place.y], [0, 0, 1]], np.float64)
    to_palm = np.array([[1, 0, -PALM[0]], [0, 1, -PALM[1]], [0, 0, 1]], np.float64)
    moved: Affine = from_palm @ to_palm
    return moved


def _portrait_in_scene() -> Affine:
    height, width = _portrait().shape[:2]
    top = _HEIGHT - _PORTRAIT_SIZE * height
    return np.array([[_PORTRAIT_SIZE, 0, -_PORTRAIT_SIZE * width / 2], [0, _PORTRAIT_SIZE, top], [0, 0, 1]], np.float64)


@cache
def _portrait() -> Pixels:
    """Grace Hopper, uint8 (600, 512, 3)."""
    return np.asarray(simplejpeg.decode_jpeg(portrait_jpeg(), colorspace="RGB"), np.uint8)


def _with_noise(picture: Pixels, index: int) -> Pixels:
    """Add another part of the same noise to each frame. Without it the landmarks of resting hands would not jitter."""
    height, width = picture.shape[:2]
    noise = _noise(height, width)
    down, right = 7 * index % 61, 11 * index % 59
    noisy = picture.astype(np.int16) + noise[down : down + height, right : right + width]
    return np.ascontiguousarray(np.clip(noisy, 0, 255).astype(np.uint8))


@cache
def _noise(height: int, width: int) -> np.ndarray[Any, np.dtype[np.int8]]:
    numbers = np.random.default_rng(1).integers(-_NOISE, _NOISE + 1, (height + 61, width + 59, 3))
    return numbers.astype(np.int8)
