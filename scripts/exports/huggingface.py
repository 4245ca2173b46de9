"""``hf``: a folder for Hugging Face ``datasets``: Parquet, a row per capture, and a card that names the files. No I/O.

The files are plain Parquet: writing needs no ``datasets``, and any Parquet reader can read them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from contracts.rules.landmarks import DIMS
from scripts.exports.capture import VerifiedCapture
from scripts.exports.split import PARTS
from scripts.exports.tables import File

__all__ = ["SCHEMA", "files", "rows_table"]

SHARD_BYTES = 64 * 1024 * 1024
"""A file is closed when its features have so many bytes: five captures of 120 s, or hundreds of 3 s."""

SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("record_id", "capture_id", "session_id", "user_id", "intent")),
        ("frames", pa.int32()),
        ("fps", pa.float64()),
        ("fps_target", pa.int32()),
        ("duration_ms", pa.int64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        *((name, pa.string()) for name in ("timestamp_start", "timestamp_end", "device_id")),
        ("consent_given", pa.bool_()),
        ("is_demo", pa.bool_()),
        ("undecoded_frames", pa.int32()),
        *((f"found_{part}", pa.float64()) for part in ("pose", "left_hand", "right_hand", "face")),
        ("hash", pa.string()),
        ("encoding", pa.string()),
        *((name, pa.string()) for name in ("participant", "study", "prompt", "resend_of")),
        ("features", pa.list_(pa.list_(pa.float32(), DIMS))),
        ("timestamps_ms", pa.list_(pa.int64())),
        ("decoded", pa.list_(pa.bool_())),
        ("tracker_restarts", pa.list_(pa.int32())),
    ]
)

_CARD = """\
---
pretty_name: A3CP captures
configs:
- config_name: default
  data_files:
{paths}
---

# A3CP captures

One row per capture, {captures} in all. `features` is (frames, 1662) float32: pose 33 × (x, y, z, visibility), left
hand 21 × (x, y, z), right hand 21 × (x, y, z), face 468 × (x, y, z), as MediaPipe Holistic gives them; a part that was
not found is NaN. `timestamps_ms` is each frame's time since the start, `hash` is that of the artifact the row is from.

```python
from datasets import load_dataset

captures = load_dataset("path/to/this/folder", split="train").with_format("numpy")
captures[0]["features"].shape  # (frames, 1662)
```
"""


def rows_table(captures: list[VerifiedCapture]) -> pa.Table:
    """The table of these captures: one row each, in order, with the columns of `SCHEMA`."""
    facts = [capture.facts() for capture in captures]
    columns: dict[str, Any] = {
        name: pa.array([row[name] for row in facts], SCHEMA.field(name).type)
        for name in facts[0]
        if name != "split"  # the file's name says it
    }
    matrices = [capture.artifact.features for capture in captures]
    rows = pa.FixedSizeListArray.from_arrays(pa.array(np.concatenate(matrices).ravel()), DIMS)
    columns["features"] = pa.ListArray.from_arrays(_offsets(matrices), rows)
    for name in captures[0].frame_facts():
        values = [capture.frame_facts()[name] for capture in captures]
        columns[name] = pa.ListArray.from_arrays(_offsets(values), pa.array(np.concatenate(values)))
    return pa.table(columns, schema=SCHEMA)


def _offsets(arrays: list[npt.NDArray[Any]]) -> pa.Array:
    return pa.array(np.cumsum([0, *(len(array) for array in arrays)]), pa.int32())


def files(captures: Iterable[VerifiedCapture], shard_bytes: int = SHARD_BYTES) -> Iterator[File]:
    """``data/<part>-<number>-<digest>.parquet`` files, and ``README.md``, the dataset's card. Without a split every
    capture is in ``train``.

    ``datasets`` looks up its cache by the file names in the card alone. So each name has a digest of the file's bytes:
    with constant names ``datasets`` would return the rows of an older export, and with them captures whose consent was
    withdrawn since.
    """
    waiting: dict[str, list[VerifiedCapture]] = {part: [] for part in PARTS}
    paths: dict[str, list[str]] = {part: [] for part in PARTS}
    total = 0
    for capture in captures:
        part, total = capture.split or "train", total + 1
        waiting[part].append(capture)
        if sum(each.artifact.features.nbytes for each in waiting[part]) >= shard_bytes:
            yield _shard(part, paths[part], waiting[part])
            waiting[part] = []
    for part, rest in waiting.items():
        if rest:
            yield _shard(part, paths[part], rest)
    listed = "\n".join(_listed(part, names) for part, names in paths.items() if names)
    yield File("README.md", _CARD.format(captures=total, paths=listed).encode())


def _listed(part: str, paths: list[str]) -> str:
    return "\n".join([f"  - split: {part}", "    path:", *(f"    - {path}" for path in paths)])


def _shard(part: str, paths: list[str], captures: list[VerifiedCapture]) -> File:
    """The next file of a part, whose files so far are ``paths``."""
    buffer = pa.BufferOutputStream()
    pq.write_table(rows_table(captures), buffer, compression="zstd")
    content = buffer.getvalue().to_pybytes()
    file = File(f"data/{part}-{len(paths):05}-{hashlib.sha256(content).hexdigest()[:16]}.parquet", content)
    paths.append(file.path)
    return file
