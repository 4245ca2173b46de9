"""Generate session logs with many captures, for measurements and tests of the library; the same from the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from contracts.rules.ids import SCHEMA_VERSION, format_utc
from contracts.rules.landmarks import DIMS, PART_NAMES
from contracts.rules.paths import artifact_uri, session_log_dir, session_log_path
from contracts.state.events import encode_line

__all__ = ["LABELS", "session_lines", "write_logs"]

LABELS = tuple(f"sign-{number}" for number in range(40))
CAPTURES_A_SESSION = 20
_BEGIN = datetime(2026, 1, 5, 9, tzinfo=UTC)
_MOST_BYTES = 1 << 20


def write_logs(log_root: Path, captures: int, people: int, seed: int = 1) -> int:
    """Write the logs of ``captures`` captures of ``people`` people below ``log_root``, which must be a folder for this
    purpose. Returns the number of sessions."""
    chance = random.Random(seed)  # noqa: S311
    sessions = 0
    for first in range(0, captures, CAPTURES_A_SESSION):
        user_id, session_id = f"person-{sessions % people:03}", f"sess_{sessions:016x}"
        session_log_dir(log_root, user_id).mkdir(parents=True, exist_ok=True)
        count = min(CAPTURES_A_SESSION, captures - first)
        begin = _BEGIN + timedelta(hours=sessions)
        lines = session_lines(user_id, session_id, count, begin, chance)
        session_log_path(log_root, user_id, session_id).write_bytes(b"".join(lines))
        sessions += 1
    return sessions


def session_lines(
    user_id: str, session_id: str, captures: int, begin: datetime, chance: random.Random
) -> Iterator[bytes]:
    """Yield the lines of one session: its start, its captures, and what people said about some of them."""
    now = begin

    def line(source: str, event: str | None, record_id: str = "", **fields: Any) -> bytes:
        made = {
            "schema_version": SCHEMA_VERSION,
            "record_id": record_id or _uuid(chance),
            "user_id": user_id,
            "session_id": session_id,
            "timestamp": format_utc(now),
            "source": source,
            "performer_id": "system",
            **({"event": event} if event else {}),
            **fields,
        }
        return encode_line(orjson.dumps(made), format_utc(now), _MOST_BYTES)

    consent: dict[str, Any] = (
        {} if (given := chance.choice([True, True, True, False, None])) is None else {"consent_given": given}
    )
    yield line("session_manager", "session.start", start_time=format_utc(now), **consent)
    for _ in range(captures):
        record_id, capture_id = _uuid(chance), _uuid(chance)
        now += timedelta(seconds=chance.randrange(5, 60))
        yield line("landmark_extractor", None, record_id, **_recorded(user_id, session_id, record_id, now, chance),
                   capture_id=capture_id)  # fmt: skip
        now += timedelta(seconds=2)
        for event, fields in _said(chance):
            yield line("library", event, capture_id=capture_id, **fields)


def _uuid(chance: random.Random) -> str:
    return str(UUID(int=chance.getrandbits(128), version=4))


def _recorded(user_id: str, session_id: str, record_id: str, end: datetime, chance: random.Random) -> dict[str, Any]:
    frames = chance.randrange(30, 300)
    found = {name: round(chance.random(), 4) for name in (*PART_NAMES, "any_hand")}
    return {
        "modality": "gesture",
        "timestamp_start": format_utc(end - timedelta(milliseconds=frames * 1000 // 15)),
        "timestamp_end": format_utc(end),
        "annotation": {"intent": chance.choice(LABELS)},
        "raw_features_ref": {
            "uri": artifact_uri(user_id, session_id, record_id),
            "hash": f"sha256:{chance.getrandbits(256):064x}",
            "format": "npz",
            "dims": DIMS,
            "shape": [frames, DIMS],
            "dtype": "float32",
            "encoding": "holistic_landmarks_v1;fps=15;max_window_s=120;extractor_tag=0.2.0",
        },
        "quality": {
            "verdict": chance.choice(["good", "good", "good", "check", "poor"]),
            "reasons": [],
            "rules": "quality_v1",
            "found": found,
            "longest_gap_ms": {"left_hand": 0, "right_hand": 0},
            "outside": {"left_hand": 0.0, "right_hand": 0.0},
            "moved": {"left_hand": 0.5, "right_hand": 0.5},
            "time_gaps": 0,
            "longest_time_gap_ms": 67,
            "undecoded_frames": 0,
        },
    }


def _said(chance: random.Random) -> Iterator[tuple[str, dict[str, Any]]]:
    if chance.random() < 0.5:
        yield "capture.reviewed", {"verdict": chance.choice(["keep", "keep", "redo", "reject"])}
    if chance.random() < 0.1:
        yield "capture.relabelled", {"intent": chance.choice(LABELS)}
    if chance.random() < 0.02:
        yield "capture.reassigned", {"participant": f"person-{chance.randrange(50):03}"}
    if chance.random() < 0.02:
        yield "consent.withdrawn", {"erase": False}
