"""What each error code means, in a plain sentence for the person at the terminal."""

from __future__ import annotations

__all__ = ["explain"]

_SENTENCES = {
    "limit_duration_exceeded": "the capture is longer than the gateway allows",
    "limit_duration_too_short": "the capture is shorter than the gateway asks for",
    "limit_fps_exceeded": "the capture has more frames a second than the gateway allows",
    "limit_resolution_exceeded": "the frames are larger than the gateway allows",
    "limit_frame_count_exceeded": "the capture has more frames than the gateway allows",
    "limit_frame_bytes_exceeded": "one frame has more bytes than the gateway allows",
    "limit_total_bytes_exceeded": "the frames have more bytes in all than the gateway allows",
    "limit_forward_buffer_exceeded": "no extractor had time for the capture, or it was too slow; start more of them",
    "protocol_violation": "the gateway did not get what it expected next",
    "session_invalid": "there is no such session for this user",
    "session_closed": "the session has ended",
    "duplicate_capture": "a capture with this id was opened before",
    "invalid_frame": "a frame is not a JPEG of the declared size",
    "forward_failed": "the frames broker went away during the capture",
    "extraction_failed": "the extractors failed on this capture three times; their log says why",
    "server_shutdown": "the gateway was stopped",
    "client_disconnected": "the connection was lost before the capture was closed",
    "gateway_lost": "the gateway died during the capture",
    "frames_lost": "the frames broker was restarted before the capture was extracted",
    "invalid_json": "the gateway could not read a message",
    "schema_error": "the gateway refused a message, or an id that it holds",
    "internal_error": "the gateway failed; its log says why",
    "too_many_captures": "too many captures are open now; try again later",
    "frames_broker_full": "the frames broker is short of memory now; try again later",
    "brokers_unready": "the gateway's brokers are not ready for captures; try again later, or ask `a3cp doctor`",
    "open_timeout": "the gateway waited too long for the capture to begin",
}


def explain(code: str) -> str:
    """``code: what it means``, or the code alone if it is not one of ours."""
    sentence = _SENTENCES.get(code)
    return f"{code}: {sentence}" if sentence else code or "no reason was given"
