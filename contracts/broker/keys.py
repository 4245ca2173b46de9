"""Build the name of every Redis key. No other module builds one.

Frames role: all keys of one capture have the hash tag ``{<capture_id>}``, so that in a cluster they are in one slot and
one script may use them together. Events role: every key has the tag ``{a3cp}`` for the same reason.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "CAPTURES",
    "DEAD_EVENTS",
    "ERASURES",
    "EVENTS",
    "EXTRACTORS",
    "EXTRACTOR_GROUP",
    "FAILED",
    "LIVE_SESSIONS",
    "LIVE_WORKERS",
    "RECORDER_GROUP",
    "RECORDER_LEADER",
    "RELEASED",
    "RETENTION",
    "UNFINISHED",
    "UPLOADS",
    "UPLOAD_PLACES",
    "CaptureKeys",
    "capture_keys",
    "capture_record",
    "dead_note",
    "erasure",
    "live_inbox",
    "live_outbox",
    "receipt",
    "session",
    "sign_in_code",
    "uploaded_video",
    "user_captures",
    "window",
]

CAPTURES = "a3cp:captures"
"""Frames role, stream: dispatch. One entry per opened capture; a pending entry is the lease of its extractor."""

UPLOADS = "a3cp:uploads"
"""Frames role, stream: dispatch of captures from uploaded videos. Extractors take them after those of `CAPTURES`."""

UPLOAD_PLACES = "a3cp:uploads:places"
"""Frames role, zset: ``<upload_id>/<bytes>/<user_id>`` of every video in the broker. The score is the broker time, in
ms, at which its slot expires."""

ERASURES = "a3cp:erasures"
"""Frames role, stream: requests to remove the artifacts of captures that are to be erased."""

EXTRACTOR_GROUP = "extractors"

RELEASED = "released"
"""The consumer in those groups that owns the captures handed back by an extractor, until another one takes them."""

EXTRACTORS = "a3cp:extractors"
"""Frames role, zset: extractor processes. The score is the broker time, in ms, of the last heartbeat."""

FAILED = "a3cp:failed"
"""Frames role, zset: ``<capture_id>/<bytes>/<user_id>`` of every failed capture whose frames are kept. The score is the
broker time, in ms, at which they are removed."""

LIVE_WORKERS = "a3cp:{live}:workers"
"""Frames role, zset: live workers. The score is the broker time, in ms, of the last heartbeat."""

LIVE_SESSIONS = "a3cp:{live}:sessions"
"""Frames role, zset: ``<worker>/<live_id>`` of every live session. The score is the broker time, in ms, at which it
expires."""

EVENTS = "{a3cp}:events"
"""Events role, stream: the events that the recorder appends to the sessions' logs."""

RECORDER_GROUP = "recorder"

DEAD_EVENTS = "{a3cp}:events:dead"
"""Events role, bounded stream: dead letters, which are events that can never be appended, with the reason."""

UNFINISHED = "{a3cp}:unfinished"
"""Events role, zset: captures neither recorded nor aborted. The score is the broker time, in ms, of the reservation."""

RECORDER_LEADER = "{a3cp}:recorder:leader"
"""Events role, string with a TTL: the name of the active recorder. When it expires, a standby sets its own."""


RETENTION = "{a3cp}:retention"
"""Events role, hash, kept 7 days from the last look: which gateway heeds the rules of retention, and since when each
rule has been watched."""


class CaptureKeys(NamedTuple):
    """The frames-role keys of one capture."""

    state: str
    """Hash: status, token, counts, bytes, last_entry_ms, tracker_restarts, error_code."""
    frames: str
    """Stream: one entry per frame with the ID ``<seq>-0``, then one terminal entry."""
    rows: str
    """Hash: the rows that are already extracted, by seq."""


def capture_keys(capture_id: str) -> CaptureKeys:
    """The frames-role keys of ``capture_id``."""
    tag = f"a3cp:{{{capture_id}}}:"
    return CaptureKeys(tag + "state", tag + "frames", tag + "rows")


def live_inbox(worker: str) -> str:
    """Frames role, stream: the frames that wait for a live worker, at most one from each session."""
    return f"a3cp:{{live:{worker}}}:in"


def live_outbox(gateway: str) -> str:
    """Frames role, stream: the live workers' answers that wait for a gateway."""
    return f"a3cp:{{live:{gateway}}}:out"


def uploaded_video(upload_id: str) -> str:
    """Frames role, hash: the bytes of a video in chunks, numbered from 0."""
    return f"a3cp:{{upload:{upload_id}}}:video"


def capture_record(capture_id: str) -> str:
    """Events role, hash, kept 7 days: the durable record of a capture."""
    return f"{{a3cp}}:capture:{capture_id}"


def erasure(capture_id: str) -> str:
    """Events role, hash, kept 7 days: the artifact of this capture may be removed, or was."""
    return f"{{a3cp}}:erasure:{capture_id}"


def session(session_id: str) -> str:
    """Events role, hash: a session."""
    return f"{{a3cp}}:session:{session_id}"


def window(session_id: str, record_id: str) -> str:
    """Events role, string: reserves a window's ``record_id`` in its session."""
    return f"{{a3cp}}:window:{session_id}:{record_id.lower()}"


def user_captures(user_id: str) -> str:
    """Events role, zset: the user's captures with an open socket. The score is the broker time, in ms, at which a
    capture stops counting against the limit, unless the gateway renews it."""
    return f"{{a3cp}}:user:{user_id}:captures"


def receipt(entry_id: str) -> str:
    """Events role, string with a short TTL: the recorder's result for one event, which the gateway waits for."""
    return f"{{a3cp}}:receipt:{entry_id}"


def dead_note(letter_id: str) -> str:
    """Events role, string with a TTL: what an operator did with a dead letter that is gone, and when."""
    return f"{{a3cp}}:dead:{letter_id}"


def sign_in_code(code_id: str) -> str:
    """Events role, string with a TTL: the sealed token of a one-time code, by the code's `contracts.rules.sign_in`
    name."""
    return f"{{a3cp}}:code:{code_id}"
