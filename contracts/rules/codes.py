"""The table of error codes: every code that a client, a record, a log or a metric can show, each once. No I/O.

Every other place reads this table: the interface documents, the Python client, the metrics, and the pages through
``npm run messages``. To add a code, add it to the `Literal` of its kind and to that kind's part of the table. A code
that occurs in HTTP refusals only goes into `contracts.rules.http_codes`; it has no `Literal`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from contracts.rules.code_entry import AGAIN, IN_A_MOMENT, RELOAD, TELL_OPERATOR, Code, Place
from contracts.rules.http_codes import HTTP_CODES
from contracts.rules.limits import INGEST_GRACE_S, CaptureLimits

__all__ = [
    "ABORT_CODES", "AbortCode", "CAPTURE_CODES", "CODES", "CaptureCode", "DeadLetterCode", "LIVE_CODES",
    "LiveCode", "VideoCode", "refused_at", "stored_code",
]  # fmt: skip

AbortCode = Literal[
    "limit_duration_exceeded", "limit_duration_too_short", "limit_fps_exceeded", "limit_resolution_exceeded",
    "limit_frame_count_exceeded", "limit_frame_bytes_exceeded", "limit_total_bytes_exceeded",
    "limit_forward_buffer_exceeded", "protocol_violation", "session_invalid", "session_closed", "duplicate_capture",
    "invalid_frame", "forward_failed", "extraction_failed", "server_shutdown", "client_disconnected", "gateway_lost",
    "frames_lost", "consent_withdrawn", "access_ended",
]  # fmt: skip
"""Why a capture ended without an artifact: ``error_code`` of ``capture.abort`` and of the capture's record."""

CaptureCode = Literal[
    AbortCode, "invalid_json", "schema_error", "internal_error", "too_many_captures", "frames_broker_full",
    "brokers_unready", "open_timeout", "consent_required",
]  # fmt: skip
"""Every reason that a capture socket is closed with, except success."""

VideoCode = Literal[
    AbortCode, "not_a_video", "no_frames", "video_damaged", "limit_decode_time_exceeded", "limit_memory_exceeded",
    "no_worker",
]  # fmt: skip
"""Why a capture from an uploaded video ended without an artifact."""

LiveCode = Literal[
    "invalid_pipeline",
    "invalid_message",
    "invalid_frame",
    "frame_too_large",
    "pipeline_failure",
    "internal_error",
    "access_ended",
]
"""Why a connection of the real-time lane ends."""

DeadLetterCode = Literal["invalid_event", "event_too_large", "missing_session_path"]
"""Why the recorder can never append an event."""

_LIMITS = CaptureLimits()
_AS_NEW_CAPTURE = "Send it again, as a new capture."
_PLAIN_MP4 = "Save it as a plain MP4 file and upload it again."

_ABORT: dict[AbortCode, Code] = {
    "limit_duration_exceeded": Code(
        f"The capture is longer than the server allows ({_LIMITS.max_duration_s:g} s by default), or took over "
        f"{INGEST_GRACE_S:g} s more than that to arrive.", "Close it sooner.",
        page=("The capture is longer than the server allows.", "Make a shorter one."),
        video=("The video is longer than the server allows; the usual limit is two minutes.", "Upload a shorter one."),
    ),
    "limit_duration_too_short": Code(
        f"The capture is shorter than the server asks for ({_LIMITS.min_duration_s:g} s by default).",
        "Send more frames, or close it later.",
        page=("The capture was too short.", "Let it run for two seconds or more."),
        video=("The video is too short.", "Upload one of two seconds or more."),
    ),
    "limit_fps_exceeded": Code(
        f"`fps_target` is higher than the server allows ({_LIMITS.max_fps} by default), or the client sent more frames "
        "a second than its `fps_target`.", "Send fewer frames a second, and set fps_target to that number.",
        page=("The page sent more pictures a second than the server allows.", RELOAD),
        video=("The video has too many pictures a second for the server.", "Save it with 240 or fewer."),
    ),
    "limit_resolution_exceeded": Code(
        f"The frames are larger than the server allows ({_LIMITS.max_long_side} × {_LIMITS.max_short_side} by default, "
        "in either orientation).", "Send smaller frames.",
        page=("The pictures were larger than the server allows.", RELOAD),
        video=("The pictures of this video are too large for the server.", "Save it in 4K or smaller."),
    ),
    "limit_frame_count_exceeded": Code(
        f"The capture has more frames than the server allows ({_LIMITS.max_frames} by default).", "Close it sooner.",
        page=("The capture has more pictures than the server allows.", "Make a shorter one."),
        video=("The video has more pictures than the server allows.", "Upload a shorter one."),
    ),
    "limit_frame_bytes_exceeded": Code(
        f"One frame is larger than the server allows ({_LIMITS.max_frame_bytes} bytes by default).",
        "Compress the JPEGs more.",
        page=("One picture was too large for the server.", "Turn on more light, which makes pictures smaller."),
    ),
    "limit_total_bytes_exceeded": Code(
        f"All frames together are larger than the server allows ({_LIMITS.max_total_bytes} bytes by default).",
        "Compress the JPEGs more, or close the capture sooner.",
        page=("The capture was too large for the server.", "Make a shorter one."),
    ),
    "limit_forward_buffer_exceeded": Code(
        f"No extractor had time for the capture for {_LIMITS.max_wait_s:g} s (by default), or it was too slow.",
        "Send it again, as a new capture; if that fails too, start more extractors.", retry=True,
        page=("The server was busy with other captures for too long.",
              "Wait until they are done, then try again. If this happens often, tell the person who runs the server."),
    ),
    "protocol_violation": Code(
        "The server expected another message next: the order, the `seq`, the length or an identifier is wrong, or the "
        "message came too late.", "Send a frame every few seconds, with timestamps that never decrease.",
        page=("The pictures reached the server too late or not in order. A slow connection or a page in the "
              "background can cause this.", "Keep the page in front and try again."),
    ),
    "session_invalid": Code(
        "This user has no session with this id.", "Start a session with this user_id.",
        page=("The server does not know this session.", "Start a new one."),
    ),
    "session_closed": Code(
        "The session has ended.", "Start another session.", http={"session_end": 400, "upload": 409},
        page=("The session has ended.", "Start a new one to go on."),
    ),
    "consent_withdrawn": Code(
        "Consent to this session was withdrawn, so nothing more is recorded in it.",
        "Ask the person, and start another session if the answer is yes.", http={"upload": 409},
        page=("Consent to this session was withdrawn, so nothing more is recorded in it.",
              "To answer again, start a new session."),
    ),
    "access_ended": Code(
        "The client's token was revoked, has expired, or is no longer valid for this user.",
        "Ask the operator for another token.", live_close=1008,
        page=("Your access to this server has ended.",
              "Ask the person who runs it for another token, and sign in again."),
    ),
    "duplicate_capture": Code(
        "This `capture_id`, or this `record_id` in this session, was used before.",
        "Choose new ids, or ask for the outcome of the other capture.", http={"upload": 409}, close=1008,
        page=("The server already has a capture with this number.", "Try again; the next one gets a new number."),
    ),
    "invalid_frame": Code(
        "A frame is not a JPEG that the server accepts, or does not have the declared size.",
        "Send every frame whole, as a baseline or progressive JPEG of exactly width × height.", live_close=1008,
        page=("The server could not read a picture.", "Try again. If it happens again, use another browser."),
        live=("The server could not read a picture from the camera.", "Press “Retry”, or try another camera."),
    ),
    "forward_failed": Code(
        "A broker became unreachable during the capture.", _AS_NEW_CAPTURE, retry=True, http={"upload": 503},
        page=("A part of the server stopped working.", IN_A_MOMENT),
    ),
    "extraction_failed": Code(
        "The extractors failed on this capture three times; their log says why.",
        "Read the extractors' log before you send the capture again.",
        page=("The server failed to find the landmarks.", TELL_OPERATOR),
        video=("The server failed to find the landmarks in this video.", TELL_OPERATOR),
    ),
    "server_shutdown": Code(
        "The gateway was stopped.", _AS_NEW_CAPTURE, retry=True,
        page=("The server is being stopped or restarted.", "Wait a minute, then try again."),
        live=("The server was stopped or is starting again.", "Wait a moment, then press “Reconnect”."),
    ),
    "client_disconnected": Code(
        "The connection was lost before the capture was closed.", _AS_NEW_CAPTURE, retry=True, outcome_only=True,
        page=("The connection was lost before the capture was complete.", AGAIN),
    ),
    "gateway_lost": Code(
        "The gateway stopped responding during the capture.", _AS_NEW_CAPTURE, retry=True, outcome_only=True,
        page=("The server stopped during the capture.", AGAIN),
    ),
    "frames_lost": Code(
        "The frames broker lost the frames before they were extracted.", _AS_NEW_CAPTURE, retry=True, outcome_only=True,
        page=("The server was restarted before it had looked at all pictures.", AGAIN),
        video=("The server lost this video when a part of the server was restarted.", "Upload it again."),
    ),
}  # fmt: skip

_OTHER_CLOSE: dict[CaptureCode, Code] = {
    "invalid_json": Code(
        "A text message is not JSON.", "Report this as a bug of the client.", close=1003,
        page=("The server could not read a message of this page.", RELOAD),
    ),
    "schema_error": Code(
        "A message, a body or a form breaks its schema: it is not a JSON object, has an unknown `event`, a name twice, "
        "or a field with a wrong value.", "Read in the answer or in the gateway's log which field is wrong.",
        close=1008, http={"body": 422, "event": 422, "upload": 422, "query": 422},
        page=("The server did not accept the data from this page.", f"Check what you typed, or {RELOAD.lower()}"),
    ),
    "internal_error": Code(
        "The server failed unexpectedly; its log says why.", "Read the server's log before you try again.",
        http={"any": 500}, close=1011, live_close=1011,
        page=("The server made a mistake.", "Try again. If it happens again, tell the person who runs the server."),
        live=("The server made a mistake.",
              "Press “Retry”. If it happens again, tell the person who runs the server."),
    ),
    "consent_required": Code(
        "The server requires consent, and neither the capture nor its session has a yes.",
        "Ask the person, or the person's guardian, and send consent_given: true.",
        http={"session_start": 400, "upload": 400}, close=1008,
        page=("This server records people only after they have said yes.",
              "Answer the question about consent. It comes when a session starts; if one is open, end it first."),
    ),
    "too_many_captures": Code(
        "This gateway or this user has too many open captures.", "Try again later.", retry=True, close=1013,
        http={"upload": 429}, page=("The server is full: too many captures are open.",
                                    "Wait until one has ended, then try again."),
    ),
    "frames_broker_full": Code(
        "The frames broker is short of memory.", "Try again later.", retry=True, close=1013, http={"upload": 429},
        page=("The server is full: it is short of memory.", "Wait a minute, then try again."),
    ),
    "brokers_unready": Code(
        "A broker is not configured as its role requires, the server is shutting down, or it is being upgraded.",
        "Try again later, or run `a3cp doctor`.",
        retry=True, close=1013, http={"upload": 503}, page=("The server is still starting.", IN_A_MOMENT),
    ),
    "open_timeout": Code(
        f"The client sent no `capture.open` within {_LIMITS.open_timeout_s:g} s (by default).", _AS_NEW_CAPTURE,
        retry=True,
        page=("The capture took too long to begin.", AGAIN),
    ),
}  # fmt: skip

_VIDEO: dict[VideoCode, Code] = {
    "not_a_video": Code(
        "The file is not a video that the server accepts.", "Save it as MP4, QuickTime, WebM or Matroska.",
        http={"upload": 415}, page=("The server could not read this file as a video.", _PLAIN_MP4),
    ),
    "no_frames": Code("The video has no pictures, only sound.", "Choose another video."),
    "video_damaged": Code(
        "The video is damaged, or part of it is missing.", "Save it again, then upload it once more."
    ),
    "limit_decode_time_exceeded": Code("The video takes the server too long to read.", _PLAIN_MP4),
    "limit_memory_exceeded": Code("The server needs too much memory to read the video.", _PLAIN_MP4),
    "no_worker": Code("No extractor took the video in time.", "Start an extractor, then upload it again.", retry=True,
                      page=("The part of the server that looks at videos is not running.", TELL_OPERATOR)),
}  # fmt: skip

_LIVE: dict[LiveCode, Code] = {
    "invalid_pipeline": Code(
        "`pipeline_id` is missing or unknown.", "Choose one that `GET /pipelines` lists.", live_close=1008,
        page=("The server does not offer your choice under “Look for”.", "Choose something else there."),
    ),
    "invalid_message": Code(
        "The client sent a text message; the server accepts only JPEGs.", "Send binary messages only.",
        live_close=1003,
        page=("The server could not read a message from this page.",
              "Press “Retry”. If it happens again, load the page again."),
    ),
    "frame_too_large": Code(
        "A frame is larger than the server allows (5 MiB by default).", "Send smaller pictures.", live_close=1009,
        page=("A picture from the camera was too large for the server.", "Try another camera, then press “Retry”."),
    ),
    "pipeline_failure": Code(
        "The pipeline failed, or no worker answered in 10 s.", "Connect again; if it happens again, run `a3cp doctor`.",
        retry=True, live_close=1011, page=("The part of the server that looks at the pictures did not answer.",
                                           "Press “Retry”. It may need a moment to restart."),
    ),
}  # fmt: skip


_PARTS: tuple[Mapping[Any, Code], ...] = (_ABORT, _OTHER_CLOSE, _VIDEO, _LIVE, HTTP_CODES)
CODES: dict[str, Code] = {name: code for part in _PARTS for name, code in part.items()}
"""Every code, by its name."""

ABORT_CODES: frozenset[str] = frozenset(get_args(AbortCode))
CAPTURE_CODES: frozenset[str] = frozenset(get_args(CaptureCode))
LIVE_CODES: frozenset[str] = frozenset(get_args(LiveCode))
_STORED_CODES = CAPTURE_CODES.union(get_args(VideoCode), get_args(DeadLetterCode))


def refused_at(place: Place) -> dict[str, int]:
    """The codes with which a request can be refused at ``place``, each with its HTTP status."""
    return {name: code.http[place] for name, code in CODES.items() if place in code.http}


def stored_code(text: bytes) -> str:
    """The error code in a broker's record of a capture. Empty if there is none; ``protocol_violation`` if the broker
    holds a code that is not in the table."""
    code = text.decode("ascii", "replace")
    return code if not code or code in _STORED_CODES else "protocol_violation"
