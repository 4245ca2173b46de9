"""The sample clip: a camera that moves over a photograph. Its frames are made in memory, and are in no file."""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import simplejpeg

from contracts.rules.limits import CaptureLimits
from scripts.clips.clip import Clip, ClipFrame, encode
from scripts.clips.warp import Affine, warped

__all__ = ["SampleSource", "portrait_jpeg"]

MARGIN = 160
"""How many of the photograph's outermost pixels are repeated around it: the camera looks beyond its edges."""


def portrait_jpeg() -> bytes:
    """Grace Hopper's portrait, 512 × 600, from matplotlib's files: to import it takes a fifth of a second."""
    spec = find_spec("matplotlib")
    assert spec is not None and spec.origin is not None
    return (Path(spec.origin).parent / "mpl-data" / "sample_data" / "grace_hopper.jpg").read_bytes()


class SampleSource(Clip):
    """Grace Hopper's portrait, which matplotlib ships, panned and zoomed. MediaPipe finds a face and a pose, but no
    hands."""

    name = "sample clip"
    width = 640
    height = 480
    fps_target = 15

    def __init__(self, limits: CaptureLimits | None = None, duration_s: float = 8.0) -> None:
        self._limits = limits or CaptureLimits()
        self.expected_frames = round(duration_s * self.fps_target)

    def frames(self) -> Iterator[ClipFrame]:
        photograph = simplejpeg.decode_jpeg(portrait_jpeg(), colorspace="RGB")
        layer = np.pad(photograph, [(MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)], mode="edge")
        for index in range(self.expected_frames):
            view = warped(layer, self._camera(index), (self.width, self.height), 0)
            yield ClipFrame(round(1000 * index / self.fps_target), encode(view, self._limits))

    def _camera(self, index: int) -> Affine:
        """The map from the photograph (512 × 600), with its margin, to the frame: one slow loop in 8 s, without a
        pause."""
        phase = 2 * math.pi * index / (8 * self.fps_target)
        zoom = 1.1 + 0.15 * math.sin(phase)
        centre_x, centre_y = MARGIN + 256 + 40 * math.sin(2 * phase), MARGIN + 230 + 30 * math.cos(phase)
        return np.array(
            [[zoom, 0, self.width / 2 - zoom * centre_x], [0, zoom, self.height / 2 - zoom * centre_y]], np.float64
        )
