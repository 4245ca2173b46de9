"""Reading an artifact without numpy: a ZIP file of arrays that are stored as they are."""

from __future__ import annotations

import ast
import io
import math
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from contracts.errors import ArtifactError
from contracts.layout import DIMS, LAYOUT, PartLayout

__all__ = ["MAX_MEMBER_BYTES", "Recorded", "read_artifact"]

MAX_MEMBER_BYTES = 64 * 1024 * 1024
"""How long one array may be; the longest capture under the default limits has 12 MB of features."""

_MAGIC = b"\x93NUMPY\x01\x00"
_HEAD_BYTES = len(_MAGIC) + 2
_UNREADABLE = (ValueError, TypeError, KeyError, EOFError, OSError, RuntimeError, SyntaxError, zipfile.BadZipFile)
"""What zipfile and the parsers raise at bytes that are no artifact."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was recorded of one capture.

    Attributes:
        width, height: the size of its pictures, pixels.
        timestamps_ms: of each frame, event time since the start.
        decoded: of each frame, whether its picture could be read.
        tracker_restarts: the frames, counted from 1, at which tracking began anew.
        features: the matrix, row after row.
    """

    width: int
    height: int
    timestamps_ms: Sequence[int]
    decoded: Sequence[bool]
    tracker_restarts: Sequence[int]
    features: memoryview[float]

    def __len__(self) -> int:
        return len(self.timestamps_ms)

    def landmarks(self, frame: int, part: PartLayout) -> list[tuple[float, ...]]:
        """The part's landmarks in a frame, which is counted from 0; none if the part was not found."""
        start, step = frame * DIMS + part.start, len(part.coordinates)
        values = self.features[start : start + part.landmarks * step].tolist()
        if not all(map(math.isfinite, values)):
            return []
        return [tuple(values[at : at + step]) for at in range(0, len(values), step)]

    def found(self, frame: int) -> bool:
        """Whether any part was found in a frame."""
        return any(not math.isnan(self.features[frame * DIMS + part.start]) for part in LAYOUT)


def read_artifact(file: io.BufferedIOBase) -> Recorded:
    """Read one artifact.

    Raises:
        ArtifactError: it is none, or is damaged.
    """
    try:
        with zipfile.ZipFile(file) as members:
            features = _array(members, "features", "<f4", (-1, DIMS))
            timestamps = _array(members, "timestamps_ms", "<i8", (-1,))
            decoded = _array(members, "decoded", "|b1", (-1,))
            restarts = _array(members, "tracker_restarts", "<i4", (-1,))
            meta = orjson.loads(_text(members, "meta"))
        width, height = meta["width"], meta["height"]
        if not all(isinstance(side, int) and 0 < side < 2**16 for side in (width, height)):
            raise ValueError("it does not say how large its pictures were")
        recorded = Recorded(
            width=width,
            height=height,
            timestamps_ms=timestamps.cast("B").cast("q"),
            decoded=decoded.cast("B").cast("?"),
            tracker_restarts=restarts.cast("B").cast("i"),
            features=features.cast("B").cast("f"),
        )
        if len(recorded.features) != len(recorded) * DIMS or len(recorded.decoded) != len(recorded):
            raise ValueError("its arrays do not belong together")
        return recorded
    except _UNREADABLE as error:
        raise ArtifactError(f"the artifact cannot be read: {error}") from error


def _array(members: zipfile.ZipFile, name: str, dtype: str, shape: tuple[int, ...]) -> memoryview:
    """The bytes of an array in C order; -1 in ``shape`` is any length."""
    header, data = _member(members, name)
    there = header["shape"]
    fits = len(there) == len(shape) and all(want in (-1, has) for want, has in zip(shape, there, strict=True))
    if header["descr"] != dtype or header["fortran_order"] or not fits:
        raise ValueError(f"{name} is another kind of array")
    if len(data) != math.prod(there) * int(dtype[2:]):
        raise ValueError(f"{name} is not whole")
    return data


def _text(members: zipfile.ZipFile, name: str) -> str:
    header, data = _member(members, name)
    if not header["descr"].startswith("<U") or header["shape"] != ():
        raise ValueError(f"{name} is no text")
    return str(data, "utf-32-le")


def _member(members: zipfile.ZipFile, name: str) -> tuple[dict[str, Any], memoryview]:
    """The header and the bytes of one array."""
    info = members.getinfo(f"{name}.npy")
    if info.compress_type != zipfile.ZIP_STORED or info.file_size > MAX_MEMBER_BYTES:
        raise ValueError(f"{name} is compressed or too long")
    data = memoryview(members.read(info))
    if data[: len(_MAGIC)] != _MAGIC:
        raise ValueError(f"{name} is no array")
    (length,) = struct.unpack_from("<H", data[len(_MAGIC) : _HEAD_BYTES])
    body = _HEAD_BYTES + length
    return ast.literal_eval(str(data[_HEAD_BYTES:body], "latin-1")), data[body:]
