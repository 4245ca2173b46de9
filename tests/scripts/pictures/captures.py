"""Captures for the tests of pictures: valid artifacts on a disk, with landmarks at known points."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import orjson

from contracts.messages.event import FeatureRefEvent
from contracts.rules.ids import format_utc
from contracts.rules.landmarks import LAYOUT, PartLayout
from contracts.rules.paths import session_log_path
from contracts.state.events import encode_line
from contracts.storage.artifacts import ArtifactSource
from recorder.artifact import Artifact, load_artifact
from tests.recorder.samples import NOON, arrays, feature_ref, make_log_dir, new_session, npz, put_artifact

PARTS: dict[str, PartLayout] = {part.name: part for part in LAYOUT}


def members(frames: int, **changed: Any) -> dict[str, Any]:
    """The members of an artifact in which nothing was found, 10 frames a second."""
    blank = arrays(frames)
    blank["features"][:] = np.nan
    blank["timestamps_ms"] = np.arange(frames, dtype="<i8") * 100
    return blank | changed


def put(features: Any, frame: int, name: str, landmarks: Any, x: float, y: float) -> None:
    """Place some landmarks of a part, surely seen; the others of that part stand at the origin if there were none."""
    part = PARTS[name]
    values = features[frame, part.columns].reshape(part.landmarks, len(part.coordinates))
    if np.isnan(values).all():
        values[:] = 0
    values[landmarks, :2] = x, y
    if name == "pose":
        values[landmarks, 3] = 1


def record(root: Path, given: dict[str, Any], *, user_id: str = "u1", record_id: str = "") -> FeatureRefEvent:
    """Write an artifact and its line in a new session's log."""
    session_id, record_id = new_session(), record_id or str(uuid4())
    make_log_dir(root / "logs", user_id)
    digest = put_artifact(root / "data", session_id, record_id, npz(given), user_id)
    shape = list(given["features"].shape)
    event = feature_ref(session_id, f"capture-{record_id}", record_id, user_id, hash=digest, shape=shape)
    line = encode_line(orjson.dumps(event), format_utc(NOON), 1 << 20)
    session_log_path(root / "logs", user_id, session_id).write_bytes(line)
    return FeatureRefEvent.model_validate(event)


def artifact(root: Path, given: dict[str, Any]) -> Artifact:
    return load_artifact(record(root, given), ArtifactSource(root / "data"))
