"""One example of each message, by the name of its model. They are shortened messages of a run of ``./scripts/demo``."""

from __future__ import annotations

from typing import Any

__all__ = ["EXAMPLES"]

_USER, _SESSION, _CAPTURE = "carer-1", "sess_0fe348cd6140f967", "9f270451-1f0d-4956-b7c6-dfa53dbeb5e4"
_START, _END = "2026-11-21T03:46:01.000Z", "2026-11-21T03:46:09.000Z"
_WINDOW = "c7864313-62bd-4510-bd47-471312f0ceb5"


def _base(record_id: str, **fields: Any) -> dict[str, Any]:
    return {
        "schema_version": "1.0.1",
        "record_id": record_id,
        "user_id": _USER,
        "session_id": _SESSION,
        "timestamp": _START,
        **fields,
    }


_START_REQUEST = {
    name: value
    for name, value in _base("4b1e4c2c-5b0e-4f0e-9a3e-0f9b5ac4a001", performer_id="performer-7").items()
    if name != "session_id"
}
_END_REQUEST = _base("4b1e4c2c-5b0e-4f0e-9a3e-0f9b5ac4a002", performer_id="performer-7", end_time=_END)
_MADE = {"source": "session_manager"}
_FOUND = {"pose": 120, "left_hand": 0, "right_hand": 0, "face": 120}
_REFERENCE = {
    "uri": f"users/{_USER}/sessions/{_SESSION}/features/{_WINDOW}.npz",
    "hash": "sha256:705b54fc8e6a457fa76333bb74cc7110383a39da3a3d7db7a59786beebc97b2f",
    "format": "npz",
    "dims": 1662,
    "shape": [120, 1662],
    "dtype": "float32",
    "encoding": "holistic_landmarks_v1;fps=15;max_window_s=120;extractor_tag=0.1.0",
}

_QUALITY = {
    "verdict": "poor",
    "reasons": ["no_hand"],
    "rules": "quality_v1",
    "found": {"pose": 1.0, "left_hand": 0.0, "right_hand": 0.0, "face": 1.0, "any_hand": 0.0},
    "longest_gap_ms": {"left_hand": 0, "right_hand": 0},
    "outside": {"left_hand": 0.0, "right_hand": 0.0},
    "moved": {"left_hand": 0.0, "right_hand": 0.0},
    "fps": 15.0006,
    "time_gaps": 0,
    "longest_time_gap_ms": 67,
    "undecoded_frames": 0,
}

_CONSENT_TEXT = "sha256:7f1bb2f5cf6e7f0a1f9e1f0d0f2a7f4f53f6e7f8a9b0c1d2e3f405162738495a"
_CONSENT = {"text": _CONSENT_TEXT, "given_by": "self"}

_LIBRARY_CAPTURE = {
    "capture_id": _CAPTURE,
    "record_id": _WINDOW,
    "session_id": _SESSION,
    "user_id": _USER,
    "participant": _USER,
    "label": "wave",
    "recorded_at": "2026-11-21T03:46:09.330Z",
    "timestamp_start": _START,
    "frames": 120,
    "duration_ms": 8000,
    "fps": 15,
    "found": _FOUND,
    "quality": {"verdict": "good", "reasons": []},
    "review": "keep",
    "consent": "given",
    "state": "kept",
    "study": "daily-care",
    "prompt": "wave",
    "resend_of": None,
}
_MOTION_OF_A_HAND = {"landmarks": [0, 4], "lines": [[0, 1]], "frames": [None, [120, 130, 118, 96]]}
_HISTORY: list[dict[str, Any]] = [
    {
        "event": "capture.recorded",
        "recorded_at": "2026-11-21T03:46:09.330Z",
        "record_id": _WINDOW,
        "performer_id": "system",
        "whole_session": False,
        "details": {},
    },
    {
        "event": "capture.reviewed",
        "recorded_at": "2026-11-21T03:47:12.008Z",
        "record_id": "4b1e4c2c-5b0e-4f0e-9a3e-0f9b5ac4a006",
        "performer_id": "carer-1",
        "whole_session": False,
        "details": {"verdict": "keep"},
    },
]
_STATEMENT = {
    "record_id": "4b1e4c2c-5b0e-4f0e-9a3e-0f9b5ac4a007",
    "user_id": _USER,
    "session_id": _SESSION,
    "performer_id": "carer-1",
    "capture_id": _CAPTURE,
}

_STUDY = {
    "study": "daily-care",
    "title": "Gestures of daily care",
    "language": "en",
    "consent": {"text": "# May we record you?\n\nYou decide.\n", "hash": _CONSENT["text"], "required": False},
    "prompts": [
        {
            "prompt": "wave",
            "text": "Wave",
            "intent": "wave",
            "picture": "studies/daily-care/pictures/wave",
            "say": "Please wave.",
        }
    ],
    "repetitions": 3,
    "order": "shuffled",
    "seconds": 4.0,
    "until_rest": False,
    "break_every": 15,
    "read_aloud": True,
    "good": {"worst_verdict": "check", "ignore": ["hands_still"], "at_least": {"found.any_hand": 0.3}, "at_most": {}},
}

EXAMPLES: dict[str, Any] = {
    "SessionStartRequest": _START_REQUEST,
    "SessionStarted": {
        **_START_REQUEST,
        **_MADE,
        "record_id": "0d0c9f6e-6c52-4d6e-8a3a-5b7f0a0f1b11",
        "session_id": _SESSION,
        "start_time": _START,
    },
    "SessionEndRequest": _END_REQUEST,
    "SessionEnded": {**_END_REQUEST, **_MADE, "record_id": "0d0c9f6e-6c52-4d6e-8a3a-5b7f0a0f1b12"},
    "SessionValidateRequest": {"user_id": _USER, "session_id": _SESSION},
    "SessionAnswer": {"status": "active"},
    "A3CPMessage": _base("4b1e4c2c-5b0e-4f0e-9a3e-0f9b5ac4a003", source="note_taker", note="she smiled"),
    "Appended": {"record_id": "4b1e4c2c-5b0e-4f0e-9a3e-0f9b5ac4a003", "recorded_at": "2026-11-21T03:46:06.915Z"},
    "CaptureReport": {
        "capture_id": _CAPTURE,
        "user_id": _USER,
        "session_id": _SESSION,
        "record_id": _WINDOW,
        "open": False,
        "status": "recorded",
        "accepted": 120,
        "extracted": 120,
        "found": _FOUND,
        "raw_features_ref": _REFERENCE,
        "recorded_at": "2026-11-21T03:46:09.330Z",
        "quality": _QUALITY,
    },
    "RawFeaturesRef": _REFERENCE,
    "FeatureRefEvent": {
        **_base(_WINDOW, modality="gesture", source="landmark_extractor", performer_id="system"),
        "timestamp": _END,
        "capture_id": _CAPTURE,
        "timestamp_start": _START,
        "timestamp_end": _END,
        "annotation": {"intent": "wave"},
        "raw_features_ref": _REFERENCE,
        "quality": _QUALITY,
    },
    "LibraryCapture": _LIBRARY_CAPTURE,
    "LibraryCaptureWithHistory": {**_LIBRARY_CAPTURE, "history": _HISTORY},
    "HistoryEntry": _HISTORY[1],
    "LibraryPage": {"captures": [_LIBRARY_CAPTURE], "next": None, "total": 1},
    "CaptureMotion": {
        "detail": "thumbnail",
        "width": 640,
        "height": 480,
        "frames": 120,
        "duration_ms": 7933,
        "scale": 250,
        "frame": [0, 60],
        "time_ms": [0, 4000],
        "decoded": [True, True],
        "parts": dict.fromkeys(("pose", "left_hand", "right_hand", "face"), _MOTION_OF_A_HAND),
    },
    "LibrarySummary": {
        "total": 1,
        "sessions": 1,
        "user": {_USER: 1},
        "participant": {_USER: 1},
        "label": {"wave": 1},
        "quality": {"good": 1, "check": 0, "poor": 0, "none": 0},
        "review": {"keep": 1, "redo": 0, "reject": 0, "none": 0},
        "consent": {"given": 1, "refused": 0, "withdrawn": 0, "unknown": 0},
        "state": {"kept": 1, "withdrawn": 0, "erased": 0},
    },
    "ReviewRequest": {**_STATEMENT, "verdict": "redo", "reason": "the hand left the picture"},
    "RelabelRequest": {**_STATEMENT, "intent": "wave"},
    "ReassignRequest": {**_STATEMENT, "participant": "performer-8"},
    "Study": _STUDY,
    "StudyList": {
        "studies": [
            {"study": "daily-care", "title": "Gestures of daily care", "language": "en", "prompts": 1, "wanted": 3}
        ],
        "unreadable": [],
    },
    "StudyProgress": {
        "study": "daily-care",
        "user_id": _USER,
        "wanted": 3,
        "kept": 1,
        "prompts": [{"prompt": "wave", "kept": 1}],
        "remaining": ["wave", "wave"],
        "takes": [
            {
                "capture_id": _CAPTURE,
                "session_id": _SESSION,
                "prompt": "wave",
                "recorded_at": "2026-11-21T03:46:09.330Z",
                "counts": True,
                "faults": [],
                "review": None,
                "relabelled": False,
            }
        ],
    },
    "ConsentStatement": _CONSENT,
    "ConsentText": {"text": "# May we record you?\n\nYou decide.\n", "hash": _CONSENT["text"], "required": False},
    "ClientLimits": {
        "max_duration_s": 120,
        "min_duration_s": 2,
        "max_fps": 15,
        "max_long_side": 640,
        "max_short_side": 480,
        "max_frames": 1815,
        "max_frame_bytes": 300_000,
        "max_total_bytes": 135_000_000,
        "max_wait_s": 60,
        "idle_timeout_s": 5,
    },
    "Tick": {"status": "disabled", "active_captures": 0},
    "Refusal": {"error": "unknown_capture", "detail": "There is no capture with this capture_id."},
    "PipelineInfo": {"pipeline_id": "pose", "title": "Pose", "parts": ["pose"]},
    "UploadAccepted": {"job_id": _CAPTURE, "capture_id": _CAPTURE},
    "UploadStatus": {"status": "running", "progress": 0.425},
    "CaptureOpen": _base(
        _WINDOW,
        event="capture.open",
        capture_id=_CAPTURE,
        timestamp_start=_START,
        fps_target=15,
        width=640,
        height=480,
        encoding="jpeg",
        annotation={"intent": "wave"},
        progress=True,
    ),
    "FrameMeta": _base(
        "4b1e4c2c-5b0e-4f0e-9a3e-0f9b5ac4a004",
        event="capture.frame_meta",
        capture_id=_CAPTURE,
        seq=1,
        timestamp_frame=_START,
        byte_length=41_203,
    ),
    "CaptureClose": _base(
        "4b1e4c2c-5b0e-4f0e-9a3e-0f9b5ac4a005", event="capture.close", capture_id=_CAPTURE, timestamp_end=_END
    ),
    "CaptureAbort": _base(
        _WINDOW,
        event="capture.abort",
        source="camera_feed_worker",
        capture_id=_CAPTURE,
        error_code="limit_frame_bytes_exceeded",
    ),
    "CaptureProgress": {
        "event": "capture.progress",
        "capture_id": _CAPTURE,
        "status": "extracting",
        "accepted": 31,
        "extracted": 27,
        "backlog": 4,
        "slow_down": False,
        "found": {"pose": 27, "left_hand": 0, "right_hand": 3, "face": 27},
    },
    "LiveResult": {
        "frame_index": 0,
        "result": {
            "pipeline": "pose",
            "landmarks": {"pose": [[0.542657, 0.53516066, -1.740927, 0.9999013]]},
            "detections": [{"label": "person", "confidence": 0.98, "box": [0.31, 0.2, 0.74, 1.0]}],
            "timing_ms": {"decode": 1.4, "inference": 16.2},
        },
    },
    "LiveDropped": {"frame_index": 1, "dropped": True},
    "LiveWarning": {"warning": "slow_down"},
    "LiveError": {"error": "invalid_frame", "detail": "The message is not a JPEG."},
}
