"""Events, entries and artifacts for the recorder's tests."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import orjson

from contracts.rules.landmarks import DIMS, layout_text
from contracts.rules.paths import artifact_path, artifact_uri, session_features_dir, session_log_dir
from contracts.state.events import EventEntry

NOON = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)


def new_session() -> str:
    return f"sess_{uuid4().hex[:16]}"


def make_log_dir(log_root: Path, user_id: str = "u1") -> None:
    session_log_dir(log_root, user_id).mkdir(parents=True, exist_ok=True)


def event(session_id: str, user_id: str = "u1", **fields: Any) -> bytes:
    return orjson.dumps({"user_id": user_id, "session_id": session_id, "source": "test", **fields})


def entry(session_id: str, user_id: str = "u1", capture_id: str = "", **fields: Any) -> EventEntry:
    record_id = str(uuid4())
    return EventEntry(
        event(session_id, user_id, record_id=record_id, **fields), user_id, session_id, record_id, capture_id
    )


def as_delivered(given: EventEntry) -> dict[bytes, bytes]:
    """The entry's fields as a broker returns them."""
    return {name.encode(): v if isinstance(v, bytes) else v.encode() for name, v in given.encode().items()}


def feature_ref(session_id: str, capture_id: str, record_id: str, user_id: str = "u1", **ref: Any) -> dict[str, Any]:
    reference = {
        "uri": artifact_uri(user_id, session_id, record_id),
        "hash": "sha256:" + "0" * 64,
        "format": "npz",
        "dims": DIMS,
        "shape": [3, DIMS],
        "dtype": "float32",
        "encoding": "holistic_landmarks_v1;fps=15;max_window_s=120;extractor_tag=0.1.0",
        **ref,
    }
    return {
        "schema_version": "1.0.1",
        "record_id": record_id,
        "user_id": user_id,
        "session_id": session_id,
        "timestamp": "2026-01-31T12:00:02.000Z",
        "modality": "gesture",
        "source": "landmark_extractor",
        "performer_id": "system",
        "capture_id": capture_id,
        "timestamp_start": "2026-01-31T12:00:00.000Z",
        "timestamp_end": "2026-01-31T12:00:02.000Z",
        "raw_features_ref": reference,
    }


def arrays(frames: int = 3) -> dict[str, Any]:
    """The members of a good artifact: pose in every frame, left hand in the first."""
    features = np.full((frames, DIMS), np.nan, dtype="<f4")
    features[:, :132] = 0.5
    features[:1, 132:195] = 0.25
    meta = {
        "schema": "holistic_landmarks_v1",
        "extractor": "0.1.0",
        "mediapipe": "0.10.21",
        "fps_target": 15,
        "width": 640,
        "height": 480,
        "layout": layout_text(),
    }
    return {
        "features": features,
        "seq": np.arange(1, frames + 1, dtype="<i4"),
        "timestamps_ms": np.arange(frames, dtype="<i8") * 66,
        "decoded": np.ones(frames, dtype=bool),
        "tracker_restarts": np.array([], dtype="<i4"),
        "meta": np.array(orjson.dumps(meta).decode()),
    }


def npz(members: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **members)
    return buffer.getvalue()


def put_artifact(data_root: Path, session_id: str, record_id: str, data: bytes, user_id: str = "u1") -> str:
    """Write an artifact's file; returns its hash."""
    session_features_dir(data_root, user_id, session_id).mkdir(parents=True, exist_ok=True)
    artifact_path(data_root, user_id, session_id, record_id).write_bytes(data)
    return "sha256:" + hashlib.sha256(data).hexdigest()
