"""What each error code means, and what to do about it, in plain words for the person at the terminal."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["explain", "is_passing", "mend"]


class _Words(NamedTuple):
    meaning: str
    mend: str
    passing: bool = False
    """Whether the same frames may go through another time."""


_AGAIN = "send it again, as a new capture"

_WORDS = {
    "limit_duration_exceeded": _Words("the capture is longer than the gateway allows", "close it sooner"),
    "limit_duration_too_short": _Words("the capture is shorter than the gateway asks for", "send more, or close later"),
    "limit_fps_exceeded": _Words(
        "the capture has more frames a second than the gateway allows", "send fewer, and say so in fps"
    ),
    "limit_resolution_exceeded": _Words("the frames are larger than the gateway allows", "make them smaller"),
    "limit_frame_count_exceeded": _Words("the capture has more frames than the gateway allows", "close it sooner"),
    "limit_frame_bytes_exceeded": _Words(
        "one frame has more bytes than the gateway allows", "compress the JPEGs further"
    ),
    "limit_total_bytes_exceeded": _Words(
        "the frames have more bytes in all than the gateway allows", "compress the JPEGs further, or close sooner"
    ),
    "limit_forward_buffer_exceeded": _Words(
        "no extractor had time for the capture, or it was too slow; start more of them", _AGAIN, passing=True
    ),
    "protocol_violation": _Words(
        "the gateway did not get what it expected next", "send a frame every few seconds, and times that never run back"
    ),
    "session_invalid": _Words("there is no such session for this user", "start one with this user_id"),
    "session_closed": _Words("the session has ended", "start another one"),
    "duplicate_capture": _Words(
        "a capture with this id was opened before", "choose new ids, or ask what became of the other one"
    ),
    "invalid_frame": _Words(
        "a frame is not a JPEG that the gateway takes, or not of the declared size",
        "send every frame whole, as a baseline or progressive JPEG of exactly width × height",
    ),
    "forward_failed": _Words("the frames broker went away during the capture", _AGAIN, passing=True),
    "extraction_failed": _Words(
        "the extractors failed on this capture three times; their log says why", "look there before sending it again"
    ),
    "server_shutdown": _Words("the gateway was stopped", _AGAIN, passing=True),
    "client_disconnected": _Words("the connection was lost before the capture was closed", _AGAIN, passing=True),
    "gateway_lost": _Words("the gateway died during the capture", _AGAIN, passing=True),
    "frames_lost": _Words("the frames broker was restarted before the capture was extracted", _AGAIN, passing=True),
    "invalid_json": _Words("the gateway could not read a message", "this client is broken: report it"),
    "schema_error": _Words("the gateway refused a message, or an id that it holds", "see its log for the field"),
    "internal_error": _Words("the gateway failed; its log says why", "look there before sending it again"),
    "too_many_captures": _Words("too many captures are open now; try again later", _AGAIN, passing=True),
    "frames_broker_full": _Words("the frames broker is short of memory now; try again later", _AGAIN, passing=True),
    "brokers_unready": _Words(
        "the gateway's brokers are not ready for captures; try again later, or ask `a3cp doctor`", _AGAIN, passing=True
    ),
    "open_timeout": _Words("the gateway waited too long for the capture to begin", _AGAIN, passing=True),
}

_LIVE_MENDS = {
    "frame_too_large": "send smaller pictures",
    "pipeline_failure": "connect again, and see `a3cp doctor` if it stays",
}


def explain(code: str) -> str:
    """``code: what it means``, or the code alone if it is not one of ours."""
    words = _WORDS.get(code)
    return f"{code}: {words.meaning}" if words else code or "no reason was given"


def mend(code: str) -> str:
    """What to do about it, or nothing if the code is not one of ours."""
    words = _WORDS.get(code)
    return words.mend if words else _LIVE_MENDS.get(code, "")


def is_passing(code: str) -> bool:
    """Whether it is nobody's fault and may be over when the same frames are sent again."""
    words = _WORDS.get(code)
    return words is not None and words.passing
