"""The messages of the real-time lane, server to client. A client sends nothing but JPEGs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.messages.base import StrictModel
from contracts.rules.codes import LiveCode
from contracts.rules.landmarks import Part

__all__ = [
    "Detection",
    "LiveCode",
    "LiveDropped",
    "LiveError",
    "LiveMessage",
    "LiveResult",
    "LiveTimingMs",
    "LiveWarning",
    "PipelineResult",
]

Share = Annotated[float, Field(ge=0, le=1)]


class Detection(StrictModel):
    """One object that was found in a frame.

    ``box`` is x0, y0, x1, y1, normalised to the image: 0 ≤ x0 ≤ x1 ≤ 1, and the same for y.
    """

    label: str
    confidence: Share
    box: tuple[Share, Share, Share, Share]


class LiveTimingMs(StrictModel):
    """How long the worker took, in milliseconds."""

    decode: float
    inference: float


class PipelineResult(StrictModel):
    """A pipeline's result for one frame.

    ``landmarks`` has an array of shape (landmarks, coordinates) for each part that was found. The coordinates are
    named in `contracts.rules.landmarks`.
    """

    pipeline: str
    landmarks: dict[Part, list[list[float]]]
    detections: list[Detection]
    timing_ms: LiveTimingMs


class LiveResult(StrictModel):
    """The answer to a frame. ``frame_index`` counts the frames that were received, from 0."""

    frame_index: int
    result: PipelineResult


class LiveDropped(StrictModel):
    """The frame was dropped because another one was still being processed."""

    frame_index: int
    dropped: Literal[True] = True


class LiveWarning(StrictModel):
    """Too many frames are dropped: send fewer. Once per episode, right after the ``dropped`` that caused it."""

    warning: Literal["slow_down"] = "slow_down"


class LiveError(StrictModel):
    """The last message: the connection is closed right after it."""

    error: LiveCode
    detail: str


LiveMessage = LiveResult | LiveDropped | LiveWarning | LiveError
