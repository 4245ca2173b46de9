"""The landmarks of a recorded capture in a compact form, from which a page draws a moving figure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.messages.base import StrictModel

__all__ = ["CaptureMotion", "MotionDetail", "MotionParts", "MotionPoints", "MotionQuery"]

MotionDetail = Literal["thumbnail", "full"]


class MotionQuery(StrictModel):
    """The parameters of ``GET /library/captures/{capture_id}/motion``.

    ``thumbnail``: at most 24 frames and few points, under 12 kB, for a small picture in a list. ``full``: at most 900
    frames, and every point that the pictures of a capture show, up to 2 kB a frame.
    """

    detail: MotionDetail = "thumbnail"


class MotionPoints(StrictModel):
    """One part's points in each frame that is sent.

    Attributes:
        landmarks: which landmarks of the part are sent, by their numbers in the feature matrix.
        lines: the lines of the skeleton, as pairs of places in ``landmarks``, counted from 0.
        frames: for each frame that is sent, x and y of each of the ``landmarks`` in turn, or null if the part was not
            found. A coordinate is a whole number; divided by ``scale`` it is normalised to the picture: 0 is its left
            or upper edge, 1 the right or lower one. Both coordinates of a landmark that is not to be drawn are null.
    """

    landmarks: list[int]
    lines: list[tuple[int, int]]
    frames: list[list[int | None] | None]


class MotionParts(StrictModel):
    """The points of each part."""

    pose: MotionPoints
    left_hand: MotionPoints
    right_hand: MotionPoints
    face: MotionPoints


class CaptureMotion(StrictModel):
    """``GET /library/captures/{capture_id}/motion``: the landmarks of some or all frames of a capture.

    ``frame``, ``time_ms`` and ``decoded`` have one value for each frame that is sent, as ``frames`` of each part has.

    Attributes:
        width, height: the size of the capture's pictures, in pixels: the proportions of a drawing.
        frames: how many frames the capture has. Those that are sent are spread evenly over it.
        duration_ms: the event time of the capture's last frame.
        scale: what a coordinate is divided by to be normalised to the picture.
        frame: the number of the frame in the capture, counted from 0.
        time_ms: its event time since the capture's start.
        decoded: whether its picture could be read. If not, no part was found in it.
    """

    detail: MotionDetail
    width: Annotated[int, Field(ge=1)]
    height: Annotated[int, Field(ge=1)]
    frames: Annotated[int, Field(ge=0)]
    duration_ms: Annotated[int, Field(ge=0)]
    scale: Annotated[int, Field(ge=1)]
    frame: list[int]
    time_ms: list[int]
    decoded: list[bool]
    parts: MotionParts
