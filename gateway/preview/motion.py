"""Reduce a capture to the points that a page draws, as JSON. No I/O: a capture in, bytes out.

A page draws a list of captures in motion from it, without a GIF for each. It shows what the pictures show
(`gateway.preview.visible`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, get_args

import orjson

from contracts.messages.motion import MotionDetail
from contracts.rules.landmarks import CONNECTIONS, Connection, Part
from gateway.preview.artifact import Recorded
from gateway.preview.visible import Landmark, visible_landmarks

__all__ = ["FULL_FRAMES", "THUMBNAIL_FRAMES", "motion_json", "shown_frames"]

THUMBNAIL_FRAMES = 24
FULL_FRAMES = 900
"""How many frames an answer has at most: a minute at 15 frames a second, under 2 MB."""

_Lines = tuple[Connection, ...]
_Points = list[int | None]


def _closed(*chain: int) -> _Lines:
    return (*pairwise(chain), (chain[-1], chain[0]))


# Enough for 150 pixels: a finger is one line, the face an outline with a mouth.
_FEW_OF_A_HAND: _Lines = (
    (0, 2), (2, 4), (0, 5), (5, 8), (5, 9), (9, 12), (9, 13), (13, 16), (13, 17), (17, 20), (0, 17),
)  # fmt: skip
_FEW: dict[Part, _Lines] = {
    "pose": (
        (7, 0), (0, 8), (11, 12), (11, 13), (13, 15), (12, 14), (14, 16), (11, 23), (12, 24), (23, 24),
    ),
    "left_hand": _FEW_OF_A_HAND,
    "right_hand": _FEW_OF_A_HAND,
    "face": (*_closed(10, 54, 234, 172, 176, 400, 397, 454, 284), *_closed(61, 13, 291, 14)),
}  # fmt: skip


class _Detail(NamedTuple):
    lines: dict[Part, _Lines]
    most_frames: int
    scale: int


_DETAILS: dict[MotionDetail, _Detail] = {
    "thumbnail": _Detail(_FEW, THUMBNAIL_FRAMES, 250),
    "full": _Detail(CONNECTIONS, FULL_FRAMES, 1000),
}
assert _DETAILS.keys() == set(get_args(MotionDetail))


def shown_frames(frames: int, most: int) -> list[int]:
    """At most ``most`` of a capture's frames, counted from 0, spread evenly; the first is always one of them."""
    shown = min(frames, most)
    return [place * frames // shown for place in range(shown)]


def motion_json(detail: MotionDetail, recorded: Recorded, check: Callable[[], None] = lambda: None) -> bytes:
    """The points of a capture: a ``CaptureMotion``, JSON. Calls ``check`` before each frame; if it raises, the work
    ends with that error."""
    lines, most_frames, scale = _DETAILS[detail]
    shown = shown_frames(len(recorded), most_frames)
    landmarks = {part: sorted({end for line in lines[part] for end in line}) for part in lines}
    points: dict[Part, list[_Points | None]] = {part: [] for part in lines}
    for frame in shown:
        check()
        there = visible_landmarks(recorded, frame)
        for part, numbers in landmarks.items():
            points[part].append(_points(there[part], numbers, scale) if part in there else None)
    answer = {
        "detail": detail,
        "width": recorded.width,
        "height": recorded.height,
        "frames": len(recorded),
        "duration_ms": recorded.timestamps_ms[-1] if len(recorded) else 0,
        "scale": scale,
        "frame": shown,
        "time_ms": [recorded.timestamps_ms[frame] for frame in shown],
        "decoded": [recorded.decoded[frame] for frame in shown],
        "parts": {part: _part(landmarks[part], lines[part], points[part]) for part in lines},
    }
    return orjson.dumps(answer)


def _part(landmarks: Sequence[int], lines: _Lines, frames: Sequence[_Points | None]) -> dict[str, Any]:
    places = {landmark: place for place, landmark in enumerate(landmarks)}
    return {
        "landmarks": landmarks,
        "lines": [(places[start], places[end]) for start, end in lines],
        "frames": frames,
    }


def _points(landmarks: Sequence[Landmark | None], numbers: Sequence[int], scale: int) -> _Points:
    """x and y of the landmarks with these numbers, in turn."""
    points: _Points = []
    for number in numbers:
        landmark = landmarks[number]
        points += (None, None) if landmark is None else (round(landmark[0] * scale), round(landmark[1] * scale))
    return points
