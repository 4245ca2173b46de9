"""``npy1662``: each capture's matrix unchanged, one ``(T, 1662)`` float32 array a file. No I/O."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

import numpy as np

from scripts.exports.capture import VerifiedCapture
from scripts.exports.tables import CapturesTable, File

__all__ = ["files"]


def files(captures: Iterable[VerifiedCapture]) -> Iterator[File]:
    """``<record_id>.npy`` for each capture, and the files of `CapturesTable`."""
    table = CapturesTable()
    for capture in captures:
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, capture.artifact.features, allow_pickle=False)
        file = File(f"{capture.record_id}.npy", buffer.getvalue())
        yield file
        yield table.add(capture, file.path)
    yield table.file()
