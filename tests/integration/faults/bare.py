"""What MediaPipe says of a clip without any of our code around it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import simplejpeg
from mediapipe.python.solutions.holistic import Holistic

from contracts.layout import DIMS, LAYOUT
from tests.clips import face_clip
from tests.integration.faults.clients import SIZE

__all__ = ["CLIPS", "MAX_FRAMES", "bare_features", "clip_frames"]

CLIPS = 3
MAX_FRAMES = 40


@cache
def clip_frames(clip: int) -> tuple[bytes, ...]:
    """The frames of one of `CLIPS` clips, all different."""
    frames = face_clip(12 * CLIPS + MAX_FRAMES, *SIZE)
    return tuple(frames[12 * clip : 12 * clip + MAX_FRAMES])


@cache
def _tracked_from(clip: int, first: int) -> np.ndarray:
    """The rows of frames ``first`` (from 0) to the last by one graph that began there."""
    frames = clip_frames(clip)[first:]
    rows = np.full((len(frames), DIMS), np.nan, np.float32)
    with Holistic(static_image_mode=False, model_complexity=1) as graph:
        for row, jpeg in zip(rows, frames, strict=True):
            results = graph.process(simplejpeg.decode_jpeg(jpeg))
            for part in LAYOUT:
                if (found := getattr(results, f"{part.name}_landmarks")) is not None:
                    row[part.columns] = [getattr(mark, name) for mark in found.landmark for name in part.coordinates]
    return rows


def bare_features(clip: int, frames: int, restarts: Sequence[int]) -> bytes:
    """The feature matrix of a clip's first frames, if tracking begins anew at the seqs ``restarts``."""
    starts = [0, *(seq - 1 for seq in restarts)]
    ends = [*starts[1:], frames]
    return b"".join(_tracked_from(clip, a)[: b - a].tobytes() for a, b in zip(starts, ends, strict=True))
