"""The feature matrix of one capture, and its NPZ bytes. No I/O."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

from contracts.messages.quality import Quality
from contracts.rules.errors import ArtifactError
from contracts.rules.landmarks import DIMS, LAYOUT, LAYOUT_NAME, Row, layout_text
from contracts.state.captures import CaptureWindow
from contracts.storage.npz import NpyArray, read_npz
from workers.vision.pipelines.base import Landmarks

__all__ = ["EXTRACTOR_VERSION", "Build", "FeatureMatrix", "encoding_text", "features_row", "meta_text"]


EXTRACTOR_VERSION = "0.1.0"
"""The ``extractor_tag``, which readers of the data compare. Raise it if the same frames may give other rows."""


class Build(NamedTuple):
    """The versions that made an artifact: the same frames and the same build give the same bytes."""

    extractor: str
    mediapipe: str


def features_row(landmarks: Landmarks) -> bytes:
    """One frame's 1662 little-endian float32 values; NaN where a part was not found.

    Raises:
        ValueError: a part does not have the landmarks or coordinates that the layout gives it.
    """
    row = np.full(DIMS, np.nan, dtype="<f4")
    for part in LAYOUT:
        if (found := landmarks.get(part.name)) is not None:
            if found.shape != (part.landmarks, len(part.coordinates)):
                raise ValueError(f"{part.name} has the shape {found.shape}")
            row[part.columns] = found.ravel()
    return row.tobytes()


def encoding_text(window: CaptureWindow, build: Build) -> str:
    """``raw_features_ref.encoding``: the layout, the window's parameters, the extractor's version."""
    seconds = window.max_duration_s
    limit = int(seconds) if seconds == int(seconds) else seconds
    return f"{LAYOUT_NAME};fps={window.fps_target};max_window_s={limit};extractor_tag={build.extractor}"


def meta_text(window: CaptureWindow, build: Build) -> str:
    """The artifact's ``meta``, JSON. It names no person and no time, so that the same frames give the same bytes."""
    return orjson.dumps(
        {
            "schema": LAYOUT_NAME,
            "extractor": build.extractor,
            "mediapipe": build.mediapipe,
            "fps_target": window.fps_target,
            "width": window.width,
            "height": window.height,
            "layout": layout_text(),
        }
    ).decode()


@dataclass(frozen=True, eq=False)
class FeatureMatrix:
    """The arrays of one artifact, in their order in the file.

    Attributes:
        features: float32 (T, 1662).
        seq: int32 (T,), 1 … T.
        timestamps_ms: int64 (T,), event time since ``timestamp_start``.
        decoded: bool (T,); false where the JPEG could not be decoded, its row is NaN.
        tracker_restarts: int32 (R,), the seqs at which tracking began again.
    """

    features: npt.NDArray[np.float32]
    seq: npt.NDArray[np.int32]
    timestamps_ms: npt.NDArray[np.int64]
    decoded: npt.NDArray[np.bool_]
    tracker_restarts: npt.NDArray[np.int32]

    @classmethod
    def of(cls, rows: Sequence[Row], tracker_restarts: Sequence[int]) -> FeatureMatrix:
        """The matrix of the rows of frames 1 … T."""
        return cls(
            features=np.frombuffer(b"".join(row.features for row in rows), dtype="<f4").reshape(len(rows), DIMS),
            seq=np.arange(1, len(rows) + 1, dtype="<i4"),
            timestamps_ms=np.array([row.timestamp_ms for row in rows], dtype="<i8"),
            decoded=np.array([row.decoded for row in rows], dtype="|b1"),
            tracker_restarts=np.array(tracker_restarts, dtype="<i4"),
        )

    def npz(self, meta: str) -> bytes:
        """The artifact's bytes; the same arrays and ``meta`` give the same bytes."""
        arrays = {**self._arrays(), "meta": np.array(meta, dtype=f"<U{len(meta)}")}
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as members:
            for name, array in arrays.items():
                # not np.savez: its zip headers differ between patch versions of Python
                members.writestr(zipfile.ZipInfo(f"{name}.npy"), _npy(array))
        return buffer.getvalue()

    def quality(self) -> Quality:
        """The quality of these arrays. Raises ``ValueError`` if there is no row."""
        features = np.ascontiguousarray(self.features).data.cast("B")
        return Quality.of(features, self.timestamps_ms.tolist(), self.decoded.tolist())

    def is_in(self, npz: bytes) -> bool:
        """Whether an artifact's bytes hold these very arrays, whatever their ``meta``; false if unreadable."""
        try:
            there = read_npz(npz)
        except ArtifactError:
            return False
        return all(name in there and _same(array, there[name]) for name, array in self._arrays().items())

    def _arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        return {member.name: getattr(self, member.name) for member in fields(self)}


def _npy(array: npt.NDArray[np.generic]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _same(ours: npt.NDArray[np.generic], theirs: NpyArray) -> bool:
    # by bytes: NaN equals nothing
    same_kind = (ours.dtype.str, ours.shape, False) == (theirs.dtype, theirs.shape, theirs.fortran_order)
    return same_kind and ours.tobytes() == theirs.data
