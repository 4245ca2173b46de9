"""The WebSockets of the AsyncAPI document: their messages, and every reason that one is closed for. No I/O."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel

from contracts.messages.capture import CaptureAbort, CaptureClose, CaptureOpen, CaptureProgress, FrameMeta
from contracts.messages.live import LiveDropped, LiveError, LiveResult, LiveWarning
from contracts.messages.pipelines import PIPELINES
from contracts.rules.errors import CaptureCode, LiveCode
from contracts.rules.limits import INGEST_GRACE_S, CaptureLimits
from gateway.capture.protocol import finish_of
from gateway.live.endpoint import CLOSE_CODES

__all__ = ["CAPTURE_REASONS", "LIVE_REASONS", "READ", "SOCKETS", "WRITTEN", "capture_closes", "live_closes"]

READ: tuple[type[BaseModel], ...] = (CaptureOpen, FrameMeta, CaptureClose)
WRITTEN: tuple[type[BaseModel], ...] = (CaptureAbort, CaptureProgress, LiveResult, LiveDropped, LiveWarning, LiveError)

_LIMITS = CaptureLimits()

CAPTURE_REASONS: dict[CaptureCode, str] = {
    "limit_duration_exceeded": f"Longer than {_LIMITS.max_duration_s:g} s, or {INGEST_GRACE_S:g} s more in coming.",
    "limit_duration_too_short": f"Shorter than {_LIMITS.min_duration_s:g} s.",
    "limit_fps_exceeded": f"`fps_target` over {_LIMITS.max_fps}, or more frames than it says.",
    "limit_resolution_exceeded": f"Over {_LIMITS.max_long_side} × {_LIMITS.max_short_side} in either orientation.",
    "limit_frame_count_exceeded": f"More than {_LIMITS.max_frames} frames.",
    "limit_frame_bytes_exceeded": f"A frame over {_LIMITS.max_frame_bytes} bytes.",
    "limit_total_bytes_exceeded": f"More than {_LIMITS.max_total_bytes} bytes in all.",
    "limit_forward_buffer_exceeded": f"More than there is room for, or held back for {_LIMITS.max_wait_s:g} s.",
    "protocol_violation": "Messages out of order or too late, a wrong `seq` or length, changed identifiers.",
    "session_invalid": "There is no such session of this user.",
    "session_closed": "The session is closed, or was closed meanwhile.",
    "duplicate_capture": "This `capture_id`, or this `record_id` in this session, was opened before.",
    "invalid_frame": "Not a JPEG, or not of the size that was declared.",
    "forward_failed": "A broker is away.",
    "extraction_failed": "No extractor could make anything of it.",
    "server_shutdown": "The server shuts down.",
    "client_disconnected": "The client went away; seen in the capture's outcome only.",
    "gateway_lost": "The gateway went away; seen in the capture's outcome only.",
    "frames_lost": "The frames broker lost the frames; seen in the capture's outcome only.",
    "invalid_json": "A text that is not JSON.",
    "schema_error": "JSON that breaks the schema, an unknown `event` too.",
    "internal_error": "The server made a mistake.",
    "too_many_captures": "As many captures as may be open are, at this gateway or of this user.",
    "frames_broker_full": "The frames broker is short of memory.",
    "brokers_unready": "A broker is not what its role needs.",
    "open_timeout": f"No `capture.open` in {_LIMITS.open_timeout_s:g} s.",
}
_LATER: frozenset[CaptureCode] = frozenset({"client_disconnected", "gateway_lost", "frames_lost"})

LIVE_REASONS: dict[LiveCode, str] = {
    "invalid_pipeline": "`pipeline_id` is missing or unknown; told after the socket was accepted.",
    "invalid_message": "A text message.",
    "invalid_frame": "Not a JPEG, or empty.",
    "frame_too_large": "Over 5 MiB.",
    "pipeline_failure": "The pipeline failed, or no worker answered in 10 s.",
    "internal_error": "Anything else.",
}


def capture_closes() -> list[dict[str, Any]]:
    """How a capture socket is closed: with which code, and whether ``capture.abort`` goes before."""
    made: list[dict[str, Any]] = [
        {"close": 1000, "reason": "", "abort": False, "when": "All frames are in the broker."},
        {"close": 1009, "reason": "", "abort": False, "when": "A message longer than any may be."},
    ]
    for code in get_args(CaptureCode):
        if code in _LATER:
            continue
        endings = {finish_of(code, opened=opened): opened for opened in (True, False)}
        for (close, abort), opened in {(end.close_code, end.tell): opened for end, opened in endings.items()}.items():
            when = CAPTURE_REASONS[code]
            if len({(end.close_code, end.tell) for end in endings}) > 1:
                when = f"{'While the capture is open' if opened else 'Before it is open'}: {when}"
            made.append({"close": close, "reason": code, "abort": abort, "when": when})
    return made


def live_closes() -> list[dict[str, Any]]:
    """How a socket of the real-time lane is closed; the error message goes before."""
    made = [{"close": CLOSE_CODES[code], "reason": code, "when": when} for code, when in LIVE_REASONS.items()]
    return [*made, {"close": 1012, "reason": "server_shutdown", "when": "The server shuts down; nothing goes before."}]


_CAPTURE = """\
Exactly one capture per connection: `capture.open`, then for each frame a `capture.frame_meta` and the JPEG itself, then
`capture.close`. Every message has a `record_id` of its own; that of the open names the window and the artifact. Nothing
is dropped; a client that asks for progress is told when to slow down. The limits are the defaults of the settings
`A3CP_CAPTURE_…`."""
_LIVE = """\
JPEGs in, what is found in them out, in their order. One frame is in work; what comes meanwhile is dropped, and said to
be. Nothing is kept. Absent with `STREAM_ENABLED=false`."""
_JPEG = {"contentType": "image/jpeg", "payload": {"type": "string", "contentMediaType": "image/jpeg"}}
_FRAME = ("Frame", "The JPEG that a `capture.frame_meta` announced.", _JPEG)


def _capture(address: str, title: str) -> dict[str, Any]:
    return {
        "address": address,
        "title": title,
        "description": _CAPTURE,
        "servers": ["gateway"],
        "receives": [CaptureOpen, FrameMeta, _FRAME, CaptureClose],
        "sends": [CaptureProgress, CaptureAbort],
        "closes": capture_closes(),
    }


SOCKETS: dict[str, dict[str, Any]] = {
    "capture": _capture("/camera_feed_worker/capture", "A capture"),
    "captureAlias": _capture("/camera_feed_worker/ws", "A capture, under its other address"),
    "live": {
        "address": "/ws/video/stream",
        "title": "The real-time lane",
        "description": _LIVE,
        "servers": ["gateway"],
        "receives": [("LiveFrame", "A JPEG of at most 5 MiB.", _JPEG)],
        "sends": [LiveResult, LiveDropped, LiveWarning, LiveError],
        "closes": live_closes(),
        "query": {
            "type": "object",
            "properties": {"pipeline_id": {"type": "string", "enum": list(PIPELINES)}},
            "required": ["pipeline_id"],
        },
    },
}
