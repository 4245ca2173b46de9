"""MediaPipe's model of the pose without its mask. Importing this module loads no MediaPipe.

The model also draws where in the picture the person is, a mask of 256 × 256, and has no option that says not to:
MediaPipe drops the mask later, when all of its work is done.
That is 40 % of what a frame of Pose takes, and 20 % of Holistic's.

The operators that make the mask feed nothing else, so all other answers of the model are the same bits without them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from struct import Struct
from typing import Final

import numpy as np
import numpy.typing as npt
from flatbuffers.table import Table

__all__ = ["POSE_MODEL", "pose_model_without_mask", "without_output"]

POSE_MODEL: Final = "mediapipe/modules/pose_landmark/pose_landmark_full.tflite"
"""The model as MediaPipe's graphs name it: a path from where the wheel is installed."""

_PRESENCE, _MASK = 1, 2
"""Outputs of the model: how sure it is that a person is there, one number; and the mask."""

_SUBGRAPHS: Final = 2
_OUTPUTS, _OPERATORS = 2, 3
_OPERATOR_INPUTS, _OPERATOR_OUTPUTS = 1, 2
"""Fields in TensorFlow Lite's schema of a model, of a subgraph and of an operator."""

_LENGTH: Final = Struct("<I")
"""The length in front of a list."""


@cache
def pose_model_without_mask(site: Path) -> str:
    """Where this process can read the model; ``site`` is the folder that ``mediapipe`` is installed in.

    It is kept in memory, 6 MB, for as long as the process lives. Without files in memory it is MediaPipe's own.
    """
    try:
        descriptor = os.memfd_create("pose")
    except (AttributeError, OSError):  # not Linux, or a sandbox forbids it
        return POSE_MODEL
    model = without_output((site / POSE_MODEL).read_bytes(), _MASK, instead=_PRESENCE)
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.write(model)
    return f"/proc/self/fd/{descriptor}"


def without_output(model: bytes, output: int, *, instead: int) -> bytes:
    """A TensorFlow Lite model that gives output number ``instead`` in the place of ``output`` too, and does without the
    operators that nothing is left to need; the others are untouched, in the same order."""
    changed = bytearray(model)
    (graph,) = _tables(Table(changed, int.from_bytes(model[:4], "little")), _SUBGRAPHS)
    _, outputs = _list(graph, _OUTPUTS)
    outputs[output] = outputs[instead]
    operators = _tables(graph, _OPERATORS)
    makers = {tensor: operator for operator in operators for tensor in _list(operator, _OPERATOR_OUTPUTS)[1]}
    wanted, needed = [*outputs], set()
    while wanted:
        operator = makers.get(wanted.pop())
        if operator is not None and operator.Pos not in needed:
            needed.add(operator.Pos)
            wanted += [*_list(operator, _OPERATOR_INPUTS)[1]]
    _keep(graph, [operator.Pos for operator in operators if operator.Pos in needed])
    return bytes(changed)


def _keep(graph: Table, operators: Sequence[int]) -> None:
    """Leave only the operators at these positions in the graph's list."""
    start, entries = _list(graph, _OPERATORS)
    # each entry is the distance from itself to its operator
    entries[: len(operators)] = np.array(operators) - (start + 4 * np.arange(len(operators)))
    _LENGTH.pack_into(graph.Bytes, start - _LENGTH.size, len(operators))


def _tables(table: Table, field: int) -> list[Table]:
    start, entries = _list(table, field)
    return [Table(table.Bytes, start + 4 * number + int(entry)) for number, entry in enumerate(entries)]


def _list(table: Table, field: int) -> tuple[int, npt.NDArray[np.int32]]:
    """Where the list begins, and the list itself, not a copy."""
    offset = table.Offset(4 + 2 * field)
    start = table.Vector(offset)
    return start, np.frombuffer(table.Bytes, "<i4", table.VectorLen(offset), start)
