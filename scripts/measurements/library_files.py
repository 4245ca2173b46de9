"""Generate a library: session logs, and artifacts of a waving figure for the newest captures."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from contracts.process.settings import Settings
from contracts.rules.landmarks import DIMS, LAYOUT, Row
from contracts.storage.log_tail import find_logs
from scripts.measurements.library_logs import write_logs
from workers.vision.matrix import FeatureMatrix

__all__ = ["fill_library"]

META = '{"width":640,"height":480}'
FRAME_MS = 66
LENGTHS = (45, 90, 180)
"""So many frames have the artifacts, and their logs say so. Each length more takes seconds to make."""
SPEEDS = (0.15, 0.18, 0.21, 0.24, 0.27)
"""How far the figure's wave goes on in one frame, in radians; one capture after the other has the next one."""
_FULL = 34
"""Of 40 frames, those in which the hands are found."""
_POSE = {
    0: (0.5, 0.22), 2: (0.53, 0.19), 5: (0.47, 0.19), 7: (0.56, 0.21), 8: (0.44, 0.21), 9: (0.52, 0.27),
    10: (0.48, 0.27), 11: (0.64, 0.42), 12: (0.36, 0.42), 13: (0.72, 0.62), 14: (0.28, 0.62), 23: (0.6, 0.88),
    24: (0.4, 0.88),
}  # fmt: skip
"""The landmarks of the pose that do not move, as x and y."""


def fill_library(settings: Settings, captures: int, people: int, drawn: int) -> None:
    """Write logs of ``captures`` captures of ``people`` people, and artifacts of the ``drawn`` newest ones.

    The folders of ``settings`` must be for this purpose.
    """
    write_logs(settings.log_root, captures, people)
    made: dict[tuple[int, float], tuple[Path, str]] = {}
    left = drawn
    logs = sorted(find_logs(settings.log_root, _raise), key=lambda log: log.session_id, reverse=True)
    for log in logs:
        left -= _fill_session(Path(log.path), settings.data_root, left, made)


def _raise(error: OSError) -> None:
    raise error


def _fill_session(log: Path, data_root: Path, most: int, made: dict[tuple[int, float], tuple[Path, str]]) -> int:
    """Write the artifacts of a log's last captures, at most ``most``; returns how many."""
    lines = [orjson.loads(line) for line in log.read_bytes().splitlines()]
    references = list(islice(_references(reversed(lines)), max(0, most)))
    for number, reference in enumerate(references):
        kind = (LENGTHS[number % len(LENGTHS)], SPEEDS[number % len(SPEEDS)])
        reference["shape"][0] = kind[0]
        path = data_root / reference["uri"]
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind in made:  # a link takes no room: ten thousand artifacts are 10 GB
            os.link(made[kind][0], path)
        else:
            artifact = _waving(*kind)
            path.write_bytes(artifact)
            made[kind] = (path, f"sha256:{hashlib.sha256(artifact).hexdigest()}")
        reference["hash"] = made[kind][1]
    if references:
        log.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    return len(references)


def _references(lines: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if (reference := line["event"].get("raw_features_ref")) is not None:
            yield reference


def _waving(frames: int, speed: float) -> bytes:
    """An artifact of ``frames`` frames: a body whose right hand waves, and whose left hand follows now and then."""
    rows = [Row(FRAME_MS * number, True, _features(number, speed).tobytes()) for number in range(frames)]
    return FeatureMatrix.of(rows, []).npz(META)


def _features(number: int, speed: float) -> npt.NDArray[np.float32]:
    turn = np.sin(number * speed)
    right, left = (0.22 + 0.08 * turn, 0.36 - 0.12 * abs(turn)), (0.74, 0.72 - 0.25 * max(0.0, turn))
    values = np.full(DIMS, np.nan, "<f4")
    pose = np.zeros((LAYOUT[0].landmarks, 4), "<f4")
    for landmark, (x, y) in {**_POSE, 15: left, 16: right}.items():
        pose[landmark] = (x, y, 0, 1)
    values[LAYOUT[0].columns] = pose.ravel()
    for part, wrist, opened in ((LAYOUT[1], left, 0.5), (LAYOUT[2], right, 0.5 + 0.5 * turn)):
        if number % 40 < _FULL:
            values[part.columns] = _hand(wrist, opened).ravel()
    return values


def _hand(wrist: tuple[float, float], opened: float) -> npt.NDArray[np.float32]:
    points = [(0.0, 0.0)]
    for finger in range(5):
        angle = (finger - 2) * (0.15 + 0.25 * opened)
        points += [(np.sin(angle) * joint * 0.028, -np.cos(angle) * joint * 0.038) for joint in range(1, 5)]
    return np.array([(wrist[0] + x, wrist[1] + y, 0) for x, y in points], "<f4")
