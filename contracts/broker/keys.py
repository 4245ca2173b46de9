"""Every Redis key's name, built here and nowhere else.

Frames role: all keys of one capture share the hash tag ``{<capture_id>}``, so that one script may touch
them together in a cluster. Events role: every key carries the tag ``{a3cp}``.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "CAPTURES",
    "DEAD_EVENTS",
    "EVENTS",
    "EXTRACTORS",
    "EXTRACTOR_GROUP",
    "LIVE_SESSIONS",
    "LIVE_WORKERS",
    "RECORDER_GROUP",
    "RECORDER_LEADER",
    "RELEASED",
    "UNFINISHED",
    "UPLOADS",
    "UPLOAD_PLACES",
    "CaptureKeys",
    "capture_keys",
    "capture_record",
    "live_inbox",
    "live_outbox",
    "receipt",
    "session",
    "uploaded_video",
    "user_captures",
    "window",
]

CAPTURES = "a3cp:captures"
"""Frames role, stream: dispatch. One entry per opened capture; its pending entry is the lease."""

UPLOADS = "a3cp:uploads"
"""Frames role, stream: the same for captures whose frames come from an uploaded video; they wait behind the others."""

UPLOAD_PLACES = "a3cp:uploads:places"
"""Frames role, zset: ``<upload_id>/<bytes>/<user_id>`` of every video in the broker by the broker time, in ms, at
which its place lapses."""

EXTRACTOR_GROUP = "extractors"

RELEASED = "released"
"""The consumer of those groups that holds captures handed back, until the next extractor asks."""

EXTRACTORS = "a3cp:extractors"
"""Frames role, zset: live extractor processes by the broker time, in ms, of their last heartbeat."""

LIVE_WORKERS = "a3cp:{live}:workers"
"""Frames role, zset: live workers by the broker time, in ms, of their last heartbeat."""

LIVE_SESSIONS = "a3cp:{live}:sessions"
"""Frames role, zset: ``<worker>/<live_id>`` of every live session by the broker time, in ms, at which it lapses."""

EVENTS = "{a3cp}:events"
"""Events role, stream: everything that goes into a session's JSONL."""

RECORDER_GROUP = "recorder"

DEAD_EVENTS = "{a3cp}:events:dead"
"""Events role, bounded stream: events that can never be appended, with the reason."""

UNFINISHED = "{a3cp}:unfinished"
"""Events role, zset: captures neither recorded nor aborted, by the broker time, in ms, of their reservation."""

RECORDER_LEADER = "{a3cp}:recorder:leader"
"""Events role, string with a TTL: the active recorder; a standby takes it when it lapses."""


class CaptureKeys(NamedTuple):
    """The frames-role keys of one capture."""

    state: str
    """hash: status, token, counts, bytes, last_entry_ms, tracker_restarts, error_code"""
    frames: str
    """stream: entry ID ``<seq>-0``; last, one terminal entry"""
    rows: str
    """hash: rows already extracted, by seq"""


def capture_keys(capture_id: str) -> CaptureKeys:
    """The frames-role keys of ``capture_id``."""
    tag = f"a3cp:{{{capture_id}}}:"
    return CaptureKeys(tag + "state", tag + "frames", tag + "rows")


def live_inbox(worker: str) -> str:
    """Frames role, stream: the frames that wait for a live worker, at most one of each session."""
    return f"a3cp:{{live:{worker}}}:in"


def live_outbox(gateway: str) -> str:
    """Frames role, stream: the answers that wait for a gateway."""
    return f"a3cp:{{live:{gateway}}}:out"


def uploaded_video(upload_id: str) -> str:
    """Frames role, hash: a video's bytes in chunks, by their number from 0."""
    return f"a3cp:{{upload:{upload_id}}}:video"


def capture_record(capture_id: str) -> str:
    """Events role, hash, kept 7 days: the durable record of a capture."""
    return f"{{a3cp}}:capture:{capture_id}"


def session(session_id: str) -> str:
    """Events role, hash: one entry of the session registry."""
    return f"{{a3cp}}:session:{session_id}"


def window(session_id: str, record_id: str) -> str:
    """Events role, string: reserves a window's ``record_id`` in its session."""
    return f"{{a3cp}}:window:{session_id}:{record_id.lower()}"


def user_captures(user_id: str) -> str:
    """Events role, zset: the user's captures with an open socket, by the broker time, in ms, at which
    they count no longer unless renewed."""
    return f"{{a3cp}}:user:{user_id}:captures"


def receipt(entry_id: str) -> str:
    """Events role, string with a short TTL: the recorder's answer to one event."""
    return f"{{a3cp}}:receipt:{entry_id}"
