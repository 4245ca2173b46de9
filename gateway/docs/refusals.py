"""Every code that an HTTP request can be refused with, and when that is. No I/O."""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "BODY",
    "BROKER_AWAY",
    "BUSY",
    "EVENT_TOO_LARGE",
    "EVERY",
    "FOREIGN_ORIGIN",
    "HTTP",
    "NO_ROUTE",
    "REASONS",
    "SCHEMA",
    "SLOW",
    "Refused",
    "missing",
    "refused",
]

REASONS: dict[str, str] = {
    "invalid_http": "It is not HTTP, or more than 16 requests wait on the connection.",
    "head_too_large": "The headers are longer than 64 KiB.",
    "token_required": "The server has a token, and the request does not carry it.",
    "origin_not_allowed": "A browser sent it for a page of another origin, which the server does not allow.",
    "upgrade_required": "The address is for WebSockets, and the request is no handshake.",
    "not_found": "There is nothing at this address.",
    "method_not_allowed": "The address does not take this method.",
    "request_timeout": "The body did not come in time.",
    "server_busy": "Bodies and messages on their way hold too much memory, and this body most.",
    "body_too_large": "The body is longer than 1 MiB.",
    "schema_error": "The body is no JSON object or form, has a name twice, or a field breaks its rule.",
    "internal_error": "The server made a mistake.",
    "broker_unavailable": "A broker does not answer.",
    "recorder_unavailable": "No recorder answered in 5 s; what was asked for stands, and a repeat gets the answer.",
    "session_directories_unavailable": "The session's directories cannot be made.",
    "wrong_user": "The session is another user's.",
    "session_closed": "The session is closed.",
    "unknown_session": "There is no such session of this user.",
    "missing_session_path": "The session's directory does not exist.",
    "event_too_large": "The event's line would be longer than 512 KiB, unless the server is set otherwise.",
    "invalid_event": "The event cannot be put into a log.",
    "recorder_io_error": "The file system refused; the event is tried again.",
    "recorder_error": "The recorder refused for a reason that this server does not know.",
    "unknown_capture": "There is no such capture.",
    "not_recorded": "The capture is not recorded, or not yet.",
    "artifact_missing": "Its file is gone.",
    "artifact_elsewhere": "Its file is not where this server looks.",
    "artifact_unreadable": "Its file cannot be read, or is not the one that was recorded.",
    "artifact_store_unavailable": "The object store does not answer.",
    "unknown_job": "There is no such job.",
    "duplicate_capture": "This `capture_id`, or this `record_id` in this session, was used before.",
    "file_too_large": "The video is longer than the server takes.",
    "not_multipart": "The body is no `multipart/form-data`.",
    "not_a_video": "The file begins as no video that the server takes.",
    "too_many_uploads": "As many videos as there is room for are waiting or arriving.",
    "too_many_captures": "As many captures as may be open are.",
    "frames_broker_full": "The frames broker is short of memory.",
    "upload_lost": "The broker lost the video meanwhile.",
    "brokers_unready": "A broker is not what its role needs, or the server shuts down.",
    "forward_failed": "A broker went away meanwhile.",
}


class Refused(NamedTuple):
    """One refusal: ``{"error": code, "detail": "<sentence>"}`` with this status."""

    status: int
    code: str

    @property
    def when(self) -> str:
        """A sentence that says when."""
        name = self.code.removeprefix("missing_")
        return REASONS.get(self.code, f"`{name}` is missing or null.")

    @property
    def retries(self) -> bool:
        """Whether the answer may say when to try again."""
        return self.status in (429, 503)


def refused(status: int, code: str) -> Refused:
    """A refusal with one of the codes above."""
    assert code in REASONS, code
    return Refused(status, code)


def missing(field: str) -> Refused:
    """A field that is needed before the schema is checked is absent or null."""
    return Refused(400, f"missing_{field}")


HTTP = (refused(400, "invalid_http"), refused(431, "head_too_large"), refused(500, "internal_error"))
"""What any connection may be told."""

EVERY = (refused(401, "token_required"),)
"""What every route says, those apart that need no token."""

FOREIGN_ORIGIN = refused(403, "origin_not_allowed")
NO_ROUTE = (refused(404, "not_found"), refused(405, "method_not_allowed"), refused(426, "upgrade_required"))
BROKER_AWAY = refused(503, "broker_unavailable")
SLOW = refused(408, "request_timeout")
BUSY = refused(503, "server_busy")
SCHEMA = refused(422, "schema_error")
BODY = (SLOW, refused(413, "body_too_large"), SCHEMA, BUSY)
EVENT_TOO_LARGE = refused(413, "event_too_large")
