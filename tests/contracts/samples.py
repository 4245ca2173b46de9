"""Valid documents of every message, for tests to break one field at a time."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

Document = dict[str, Any]

USER = "user-1"
SESSION = "sess_0123456789abcdef"
TIME = "2026-01-31T12:00:00.000Z"


def base(**fields: Any) -> Document:
    """The fields of every message, and ``fields``."""
    return {
        "schema_version": "1.0.1",
        "record_id": str(uuid4()),
        "user_id": USER,
        "session_id": SESSION,
        "timestamp": TIME,
        "modality": "gesture",
        "source": "browser",
        "performer_id": "performer-1",
        **fields,
    }


def capture_open(**fields: Any) -> Document:
    """A full ``capture.open``."""
    document = base(
        event="capture.open",
        capture_id="capture-1",
        timestamp_start=TIME,
        fps_target=15,
        width=640,
        height=480,
        encoding="jpeg",
        annotation={"intent": "wave"},
        progress=True,
        device_id="device-1",
        consent_given=True,
        is_demo=False,
    )
    return {**document, **fields}


def frame_meta(**fields: Any) -> Document:
    """A ``capture.frame_meta``."""
    document = base(event="capture.frame_meta", capture_id="capture-1", seq=1, timestamp_frame=TIME, byte_length=20_000)
    return {**document, **fields}


def capture_close(**fields: Any) -> Document:
    """A ``capture.close``."""
    return {**base(event="capture.close", capture_id="capture-1", timestamp_end=TIME), **fields}


def capture_abort() -> Document:
    """A ``capture.abort``."""
    return base(
        event="capture.abort", source="camera_feed_worker", capture_id="capture-1", error_code="protocol_violation"
    )


def capture_progress() -> Document:
    """A ``capture.progress``."""
    return {
        "event": "capture.progress",
        "capture_id": "capture-1",
        "status": "waiting",
        "accepted": 3,
        "extracted": 2,
        "backlog": 1,
        "slow_down": False,
        "found": {"pose": 2, "left_hand": 1, "right_hand": 0, "face": 2},
    }


def session_start() -> Document:
    """A full ``sessions.start`` request."""
    return base(
        is_training_data=True,
        session_notes="a note",
        training_intent_label="greeting",
        device_id="device-1",
        consent_given=True,
        is_demo=False,
    )


def session_end() -> Document:
    """A ``sessions.end`` request."""
    return base(end_time=TIME)


def session_validate() -> Document:
    """A ``sessions.validate`` request."""
    return {"user_id": USER, "session_id": SESSION}


def raw_features_ref() -> Document:
    """A reference to an artifact of ten frames."""
    return {
        "uri": "users/user-1/sessions/sess_0123456789abcdef/features/x.npz",
        "hash": "sha256:" + "0a" * 32,
        "format": "npz",
        "dims": 1662,
        "shape": [10, 1662],
        "dtype": "float32",
        "encoding": "holistic_landmarks_v1;fps=15;max_window_s=120;extractor_tag=1",
    }


def feature_ref() -> Document:
    """A feature-ref event."""
    return base(
        source="landmark_extractor",
        performer_id="system",
        capture_id="capture-1",
        timestamp_start=TIME,
        timestamp_end=TIME,
        annotation={"intent": "wave"},
        device_id="device-1",
        consent_given=True,
        is_demo=False,
        raw_features_ref=raw_features_ref(),
    )
