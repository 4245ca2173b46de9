"""The common part of every pipeline on a MediaPipe solution. Importing this module loads no MediaPipe."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from contracts.rules.landmarks import LAYOUT, Part, PartLayout
from workers.vision.pipelines.base import Findings, Image, PartLandmarks

__all__ = ["Find", "SolutionPipeline", "coordinates", "mean_visibility"]

_LAYOUTS: dict[Part, PartLayout] = {part.name: part for part in LAYOUT}
_VISIBILITY = _LAYOUTS["pose"].coordinates.index("visibility")

_LANDMARK_TAG = 0x0A
_FIELD_TAGS = np.array([0x0D, 0x15, 0x1D, 0x25], np.uint8)
"""How protobuf begins a landmark of a list, and a landmark's x, y, z and visibility: field number, then kind."""

_give_back: Callable[[int], int] = getattr(ctypes.CDLL(None), "malloc_trim", lambda _: 0)
"""The GNU C library keeps most of what a graph frees: a process would grow with every graph that it ever made."""

Find = Callable[[Any], Findings]
"""Reads what a solution answered to one frame, a MediaPipe named tuple. No I/O."""


class SolutionPipeline:
    """A `workers.vision.pipelines.base.Pipeline` on one MediaPipe solution in video mode."""

    def __init__(self, graph: Any, find: Find) -> None:
        self._graph = graph
        self._find = find

    def process(self, image: Image) -> Findings:
        """What is in the next frame, its landmarks bit for bit as MediaPipe gives them.

        Raises:
            RuntimeError: the graph failed; it is of no more use.
        """
        return self._find(self._graph.process(image))

    def reset(self) -> None:
        """Forget every frame so far."""
        self._graph.reset()

    def close(self) -> None:
        """Stop the graph and its threads, and give its memory back; a graph that failed is closed too, and raises
        nothing."""
        with suppress(RuntimeError):  # the error with which the graph failed, again
            self._graph.close()
        _give_back(0)


def coordinates(part: Part, landmarks: Any) -> PartLandmarks:
    """The part's landmarks as an array; ``landmarks`` is MediaPipe's list of them, a protobuf, serialized or not."""
    names = _LAYOUTS[part].coordinates
    if isinstance(landmarks, bytes):
        if (found := _from_records(landmarks, len(names))) is not None:
            return found
        landmarks = _parsed(landmarks)
    # the protobuf's floats are 32 bits wide: nothing is lost on the way through Python's
    return np.array([[getattr(landmark, name) for name in names] for landmark in landmarks.landmark], dtype=np.float32)


def _from_records(serialized: bytes, coordinates: int) -> PartLandmarks | None:
    """Read a serialized list at once: 0.01 ms for a face, of which 1,404 attributes take 0.25 ms.

    Every landmark that has the same fields is as long as the others: tag and length, then a tag and four bytes for
    each of x, y, z, visibility, presence. None if one has not.
    """
    data = np.frombuffer(serialized, np.uint8)
    if data.size < 2 or data.size % (size := 2 + int(data[1])) or size < 2 + 5 * coordinates:
        return None
    records = data.reshape(-1, size)
    fields = records[:, 2 : 2 + 5 * coordinates].reshape(len(records), coordinates, 5)
    if (records[:, :2] != (_LANDMARK_TAG, size - 2)).any() or (fields[:, :, 0] != _FIELD_TAGS[:coordinates]).any():
        return None
    values: PartLandmarks = np.ascontiguousarray(fields[:, :, 1:]).view("<f4")[:, :, 0]
    return values


def _parsed(serialized: bytes) -> Any:
    from mediapipe.framework.formats.landmark_pb2 import NormalizedLandmarkList

    return NormalizedLandmarkList.FromString(serialized)


def mean_visibility(pose: PartLandmarks, landmarks: Sequence[int] = range(33)) -> float:
    """How sure MediaPipe is, 0 to 1, that these landmarks of a pose are in the picture and not hidden."""
    return float(pose[list(landmarks), _VISIBILITY].mean(dtype=np.float64).clip(0, 1))
