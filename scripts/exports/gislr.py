"""``gislr``: the layout of Kaggle's Google Isolated Sign Language Recognition, a table of 543 rows a frame. No I/O.

The columns are ``frame`` (int16, or int32 if a capture has more frames than int16 can count), ``row_id``, ``type``,
``landmark_index`` (int16), ``x``, ``y``, ``z`` (float64). The types come in the order face, left_hand, pose,
right_hand. There is no column for the pose's visibility.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from contracts.rules.landmarks import LAYOUT, Part
from scripts.exports.capture import VerifiedCapture
from scripts.exports.tables import CapturesTable, File, Table, cell_text, json_file

__all__ = ["ROWS_PER_FRAME", "TYPES", "files", "frame_numbers", "landmark_table"]

TYPES: tuple[Part, ...] = ("face", "left_hand", "pose", "right_hand")
_LANDMARKS = {part.name: part.landmarks for part in LAYOUT}
ROWS_PER_FRAME = sum(_LANDMARKS.values())


def frame_numbers(frames: int) -> npt.NDArray[np.integer[Any]]:
    """The numbers 1 to ``frames``, in the column's type."""
    return np.arange(1, frames + 1, dtype=np.int16 if frames <= np.iinfo(np.int16).max else np.int32)


def landmark_table(capture: VerifiedCapture) -> pa.Table:
    """The table of one capture, 543 rows for each frame in order. A part that was not found is NaN."""
    frames = len(capture.artifact.features)
    types = np.repeat(np.array(TYPES), [_LANDMARKS[name] for name in TYPES])
    indices = np.concatenate([np.arange(_LANDMARKS[name], dtype=np.int16) for name in TYPES])
    type_column = pa.array(np.tile(types, frames), pa.string())
    index_column = pa.array(np.tile(indices, frames))
    frame_column = pa.array(np.repeat(frame_numbers(frames), ROWS_PER_FRAME))
    row_ids = pc.binary_join_element_wise(
        frame_column.cast(pa.string()), type_column, index_column.cast(pa.string()), "-"
    )
    points = np.concatenate([capture.part(name)[:, :, :3] for name in TYPES], axis=1).reshape(-1, 3).astype(np.float64)
    columns = [frame_column, row_ids, type_column, index_column, *(pa.array(points[:, axis]) for axis in range(3))]
    return pa.table(columns, names=["frame", "row_id", "type", "landmark_index", "x", "y", "z"])


def files(captures: Iterable[VerifiedCapture]) -> Iterator[File]:
    """``train_landmark_files/<participant>/<record_id>.parquet`` for each capture, ``train.csv``, the numbers of the
    signs, and the files of `CapturesTable`."""
    table, train = CapturesTable(), Table("train.csv")
    signs: set[str] = set()
    for capture in captures:
        path = f"train_landmark_files/{capture.participant}/{capture.record_id}.parquet"
        buffer = pa.BufferOutputStream()
        pq.write_table(landmark_table(capture), buffer)
        yield File(path, buffer.getvalue().to_pybytes())
        yield table.add(capture, path)
        names = {"participant_id": capture.participant, "sequence_id": capture.record_id}
        split = {"split": capture.split} if capture.split else {}
        train.add({"path": path, **names, "sign": capture.intent, **split})
        if capture.intent is not None:
            signs.add(cell_text(capture.intent))  # the map and train.csv spell a sign alike
    yield train.file()
    yield json_file("sign_to_prediction_index_map.json", {sign: number for number, sign in enumerate(sorted(signs))})
    yield table.file()
