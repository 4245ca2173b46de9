"""Lines of a session's log for tests of its readers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson

from contracts.rules.ids import format_utc, parse_utc
from contracts.state.events import encode_line
from contracts.storage.session_log import LogLine
from tests.recorder.samples import feature_ref

USER, SESSION = "u1", "sess_0123456789abcdef"
NOON = "2026-01-31T12:00:00.000Z"


def quality(verdict: str = "good", *reasons: str, **found: float) -> dict[str, Any]:
    """A capture's quality, as an extractor computes it."""
    hands = {"left_hand": 0, "right_hand": 0}
    shares = {"pose": 1.0, "left_hand": 0.3333, "right_hand": 0.0, "face": 1.0, "any_hand": 0.3333}
    return {
        "verdict": verdict,
        "reasons": list(reasons),
        "rules": "quality_v1",
        "found": shares | found,
        "longest_gap_ms": hands,
        "outside": {"left_hand": 0.0, "right_hand": 0.0},
        "moved": {"left_hand": 0.25, "right_hand": 0.0},
        "time_gaps": 0,
        "longest_time_gap_ms": 66,
        "undecoded_frames": 0,
    }


def record_id(number: int) -> str:
    """The ``number``-th of a fixed row of record_ids."""
    return str(UUID(int=number, version=4))


def start(**fields: Any) -> dict[str, Any]:
    return said("session.start", source="session_manager", **fields)


def said(event: str, number: int = 1, *, source: str = "library", **fields: Any) -> dict[str, Any]:
    """An event as the library's routes make it."""
    return {
        "schema_version": "1.0.1",
        "record_id": record_id(number),
        "user_id": USER,
        "session_id": SESSION,
        "timestamp": NOON,
        "source": source,
        "performer_id": "carer-1",
        "event": event,
        **fields,
    }


def recorded(capture_id: str = "c", number: int = 100, *, user_id: str = USER, **fields: Any) -> dict[str, Any]:
    """A capture's own event."""
    return {**feature_ref(SESSION, capture_id, record_id(number), user_id), **fields}


def erased(capture_id: str = "c", digest: str = "0", **fields: Any) -> dict[str, Any]:
    made = {"capture_id": capture_id, "hash": "sha256:" + digest * 64, "erased_at": NOON}
    return said("capture.erased", source="landmark_extractor", **made, **fields)


def line_bytes(event: dict[str, Any] | bytes, second: int = 0, *, by_client: bool = False) -> bytes:
    """The line of an event, recorded so many seconds after noon."""
    text = event if isinstance(event, bytes) else orjson.dumps(event)
    recorded_at = format_utc(parse_utc(NOON) + timedelta(seconds=second))
    return encode_line(text, recorded_at, 1 << 30, by_client=by_client)


def lines(*events: dict[str, Any] | tuple[dict[str, Any], str] | None) -> list[LogLine]:
    """The lines of these events, as a reader gives them. ``(event, "client")`` is one that a client appended; None is a
    line that cannot be read."""
    made = []
    for number, each in enumerate(events, start=1):
        event, by = each if isinstance(each, tuple) else (each, "")
        if event is None:
            made.append(LogLine(number, problem="torn"))
        else:
            made.append(LogLine(number, NOON, orjson.dumps(event), by_client=bool(by)))
    return made
