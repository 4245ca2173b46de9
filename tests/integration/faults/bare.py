"""The landmarks of a clip by the model alone, without the project's code."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from functools import cache

import av
import numpy as np
import simplejpeg

from contracts.rules.landmarks import DIMS, LAYOUT
from tests.integration.faults.clients import FPS, SIZE
from tests.integration.faults.stand_in import Model, StandIn
from tests.support.clips import encoded, face_clip

__all__ = [
    "CLIPS", "MAX_FRAMES", "PIECE_BYTES", "VIDEOS", "VIDEO_FRAMES", "bare_features", "clip_frames", "clip_video",
    "make_clips", "pieces_of",
]  # fmt: skip

CLIPS = 3
MAX_FRAMES = 40
VIDEOS = range(CLIPS, CLIPS + 2)
"""The clips that are videos."""

VIDEO_FRAMES = 35
PIECE_BYTES = 1 << 16


def make_clips() -> None:
    """Make every clip and video. It takes seconds on a busy machine, in which an event loop must not stand still."""
    for clip in range(CLIPS):
        clip_frames(clip)
    for video in VIDEOS:
        clip_video(video)


@cache
def clip_frames(clip: int) -> tuple[bytes, ...]:
    """The frames of one of `CLIPS` clips, all different."""
    frames = face_clip(12 * CLIPS + MAX_FRAMES, *SIZE)
    return tuple(frames[12 * clip : 12 * clip + MAX_FRAMES])


@cache
def clip_video(clip: int) -> bytes:
    """One of `VIDEOS`, an MP4 of several chunks: there is noise in its pictures."""
    noise = np.random.default_rng(clip)
    pictures = []
    for jpeg in clip_frames(clip - CLIPS)[:VIDEO_FRAMES]:
        picture = simplejpeg.decode_jpeg(jpeg).astype(np.int16)
        pictures.append(np.clip(picture + noise.integers(-20, 21, picture.shape), 0, 255).astype(np.uint8))
    return encoded(pictures, FPS)


def pieces_of(clip: int) -> list[bytes]:
    """The bytes of a clip that no disk may hold: its frames, or its video in pieces."""
    if clip not in VIDEOS:
        return list(clip_frames(clip))
    video = clip_video(clip)
    return [video[at : at + PIECE_BYTES] for at in range(0, len(video), PIECE_BYTES)]


def _pictures(clip: int) -> Iterator[np.ndarray]:
    if clip not in VIDEOS:
        yield from (simplejpeg.decode_jpeg(jpeg) for jpeg in clip_frames(clip))
        return
    width, height = SIZE
    with av.open(io.BytesIO(clip_video(clip))) as video:
        for frame in video.decode(video=0):
            yield frame.reformat(width, height, "rgb24", interpolation="AREA").to_ndarray()


@cache
def _tracked_from(model: Model, clip: int, first: int) -> np.ndarray:
    """The rows of frames ``first`` (from 0) to the last by one model that began there."""
    pictures = list(_pictures(clip))[first:]
    rows = np.full((len(pictures), DIMS), np.nan, np.float32)
    (_by_mediapipe if model == "mediapipe" else _by_the_stand_in)(rows, pictures)
    return rows


def _by_mediapipe(rows: np.ndarray, pictures: Sequence[np.ndarray]) -> None:
    from mediapipe.python.solutions.holistic import Holistic  # it takes half a second to import

    with Holistic(static_image_mode=False, model_complexity=1) as graph:
        for row, picture in zip(rows, pictures, strict=True):
            results = graph.process(picture)
            for part in LAYOUT:
                if (found := getattr(results, f"{part.name}_landmarks")) is not None:
                    row[part.columns] = [getattr(mark, name) for mark in found.landmark for name in part.coordinates]


def _by_the_stand_in(rows: np.ndarray, pictures: Sequence[np.ndarray]) -> None:
    model = StandIn(frame_s=0.0)
    for row, picture in zip(rows, pictures, strict=True):
        landmarks = model.process(picture).landmarks
        for part in LAYOUT:
            row[part.columns] = landmarks[part.name].ravel()


def bare_features(model: Model, clip: int, frames: int, restarts: Sequence[int]) -> bytes:
    """The feature matrix of a clip's first frames, if tracking starts again at the seqs ``restarts``."""
    starts = [0, *(seq - 1 for seq in restarts)]
    ends = [*starts[1:], frames]
    return b"".join(_tracked_from(model, clip, a)[: b - a].tobytes() for a, b in zip(starts, ends, strict=True))
