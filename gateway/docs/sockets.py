"""The WebSockets of the AsyncAPI document: their messages, and why the server closes them. No I/O."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel

from contracts.messages.capture import CaptureAbort, CaptureClose, CaptureOpen, CaptureProgress, FrameMeta
from contracts.messages.live import LiveDropped, LiveError, LiveResult, LiveWarning
from contracts.messages.pipelines import PIPELINES
from contracts.rules.codes import CODES, CaptureCode, LiveCode
from gateway.capture.actions import finish_of

__all__ = ["READ", "SOCKETS", "WRITTEN", "capture_closes", "live_closes"]

READ: tuple[type[BaseModel], ...] = (CaptureOpen, FrameMeta, CaptureClose)
WRITTEN: tuple[type[BaseModel], ...] = (CaptureAbort, CaptureProgress, LiveResult, LiveDropped, LiveWarning, LiveError)


def capture_closes() -> list[dict[str, Any]]:
    """How the server closes a capture socket: the close code, and whether a ``capture.abort`` comes first."""
    made: list[dict[str, Any]] = [
        {"close": 1000, "reason": "", "abort": False, "when": "All frames are in the broker."},
        {"close": 1009, "reason": "", "abort": False, "when": "A message is longer than any valid message."},
    ]
    for code in get_args(CaptureCode):
        if CODES[code].outcome_only:
            continue
        endings = {finish_of(code, opened=opened): opened for opened in (True, False)}
        for (close, abort), opened in {
            (end.close_code, end.sends_abort): opened for end, opened in endings.items()
        }.items():
            when = CODES[code].meaning
            if len({(end.close_code, end.sends_abort) for end in endings}) > 1:
                when = f"{'While the capture is open' if opened else 'Before it is open'}: {when}"
            made.append({"close": close, "reason": code, "abort": abort, "when": when})
    return made


def live_closes() -> list[dict[str, Any]]:
    """How the server closes a socket of the real-time lane. An error message comes first."""
    codes = [(name, CODES[name]) for name in get_args(LiveCode)]
    made = [{"close": code.live_close, "reason": name, "when": code.meaning} for name, code in codes]
    return [
        *made,
        {"close": 1012, "reason": "server_shutdown", "when": "The server is shutting down; it sends no message first."},
    ]


_CAPTURE = """\
Exactly one capture per connection: `capture.open`, then for each frame a `capture.frame_meta` and the JPEG itself, then
`capture.close`. Every message has its own `record_id`; that of `capture.open` identifies the capture window and the
artifact. The server drops no frame; it tells a client that asks for progress when to slow down. The limits are the
defaults of the settings `A3CP_CAPTURE_…`."""
_LIVE = """\
The client sends JPEGs, and the server answers with the landmarks, in the same order. While the server processes one
frame, it drops the frames that come, and reports each. It refuses a missing or unknown `pipeline_id` after the
handshake. It stores nothing. With `STREAM_ENABLED=false` this address does not exist."""
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
