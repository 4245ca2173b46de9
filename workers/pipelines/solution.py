"""What every MediaPipe solution has in common. Importing this module loads no MediaPipe."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from contracts.layout import LAYOUT, Part, PartLayout
from workers.pipelines.base import Findings, Image, PartLandmarks

__all__ = ["Find", "SolutionPipeline", "coordinates", "mean_visibility"]

_LAYOUTS: dict[Part, PartLayout] = {part.name: part for part in LAYOUT}
_VISIBILITY = _LAYOUTS["pose"].coordinates.index("visibility")

_give_back: Callable[[int], int] = getattr(ctypes.CDLL(None), "malloc_trim", lambda _: 0)
"""The GNU C library keeps most of what a graph frees: a process would grow with every graph that it ever made."""

Find = Callable[[Any], Findings]
"""Reads what a solution answered to one frame, a MediaPipe named tuple. No I/O."""


class SolutionPipeline:
    """A `workers.pipelines.base.Pipeline` on one MediaPipe solution in video mode."""

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
        """Stop the graph and its threads, and give its memory back; one that failed is closed too, without another
        word."""
        with suppress(RuntimeError):  # what it failed of, again
            self._graph.close()
        _give_back(0)


def coordinates(part: Part, landmarks: Any) -> PartLandmarks:
    """The part's landmarks as an array; ``landmarks`` is MediaPipe's list of them."""
    names = _LAYOUTS[part].coordinates
    # the protobuf's floats are 32 bits wide: nothing is lost on the way through Python's
    return np.array([[getattr(landmark, name) for name in names] for landmark in landmarks.landmark], dtype=np.float32)


def mean_visibility(pose: PartLandmarks, landmarks: Sequence[int] = range(33)) -> float:
    """How sure MediaPipe is, 0 to 1, that these landmarks of a pose are in the picture and not hidden."""
    return float(pose[list(landmarks), _VISIBILITY].mean(dtype=np.float64).clip(0, 1))
