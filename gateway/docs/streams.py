"""The Redis streams of the AsyncAPI document: the purpose of each, and the fields of its entries. No I/O.

The fields are those of the dataclasses in ``contracts`` that write the entries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from contracts.broker import keys
from contracts.rules.formats import FIELD, Kind, written
from contracts.rules.limits import CaptureLimits
from contracts.state.dispatch import DispatchEntry
from contracts.state.erasures import ErasureRequest
from contracts.state.events import EventEntry
from contracts.state.frame import ForwardItem, TerminalEntry
from contracts.state.live import Answer, LiveFrame
from gateway.docs.schemas import NUMBER, Schema, entry_schema, reference

__all__ = ["STREAMS", "Entry", "Stream"]


class Entry(NamedTuple):
    """One kind of entry: its name, its schema, and an example without binary fields."""

    name: str
    schema: Schema
    example: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream, or many of one kind. ``key`` is its name in Redis, ``tag`` the part of the key in braces.

    AsyncAPI encloses parameters in braces, and Redis encloses hash tags in braces. So the tag, with its braces, becomes
    a parameter of the address.
    """

    name: str
    title: str
    description: str
    role: str
    key: str
    tag: str
    entries: tuple[Entry, ...]
    group: str | None = None

    @property
    def address(self) -> str:
        """The key, with a parameter for its tag."""
        return self.key.replace(self.tag, "{tag}") if self.tag else self.key


def _optional(schema: Schema) -> Schema:
    return {**schema, "x-optional": True}


_CAPTURE, _USER, _SESSION = "9f270451-1f0d-4956-b7c6-dfa53dbeb5e4", "carer-1", "sess_0fe348cd6140f967"
_WINDOW = "c7864313-62bd-4510-bd47-471312f0ceb5"
_TIME = "2026-11-21T03:46:09.000Z"
_WHO = {"capture_id": _CAPTURE, "user_id": _USER, "session_id": _SESSION}
_JPEG: Schema = {"type": "string", "contentMediaType": "image/jpeg", "description": "The JPEG's own bytes."}


def _format(kind: Kind) -> dict[str, Schema]:
    """The field with the format's number; entries of release 0.2.0 lack it."""
    text = "The format's number; without it, 1. Readers take it and the one before."
    return {FIELD: _optional({"type": "string", "const": written(kind), "description": text})}


_DISPATCH = Entry(
    "DispatchEntry",
    entry_schema(DispatchEntry, "A capture that waits for an extractor. While it is pending, it is the lease.",
                 _format("dispatch")),
    _WHO,
)  # fmt: skip
_ERASURE = Entry(
    "ErasureRequest",
    entry_schema(
        ErasureRequest, "A capture whose artifact is to be removed.",
        {"uri": {"type": "string", "description": "That of the capture's own event, as `hash`."},
         "hash": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$", "description": "`sha256:` and 64 hex digits."},
         **_format("erasure")},
    ),
    {
        **_WHO, "record_id": _WINDOW, "uri": f"users/{_USER}/sessions/{_SESSION}/features/{_WINDOW}.npz",
        "hash": "sha256:" + "0" * 64,
    },
)  # fmt: skip
_FRAME = Entry(
    "FrameEntry",
    entry_schema(ForwardItem, "One frame. Its entry ID is `<seq>-0`; `byte_length` is the length of `payload`.",
                 {"payload": _JPEG, "byte_length": NUMBER, "encoding": {"type": "string", "const": "jpeg"}}),
)  # fmt: skip
_TERMINAL = Entry(
    "TerminalEntry",
    entry_schema(
        TerminalEntry, "The last entry: the capture was closed, or aborted.",
        {"event": {"type": "string", "enum": ["close", "abort"], "description": "`close` or `abort`."},
         "timestamp_end": _optional({"allOf": [reference("UtcDatetime")], "description": "Of a close."}),
         "error_code": _optional({"allOf": [{"anyOf": [reference("CaptureCode"), reference("VideoCode")]}],
                                  "description": "Of an abort."})},
    ),
    {"event": "close", "timestamp_end": _TIME},
)  # fmt: skip
_LIVE_FRAME = Entry(
    "LiveFrameEntry",
    entry_schema(LiveFrame, "A frame for a live worker, which deletes it when it reads it.",
                 {"payload": _JPEG, **_format("live")}),
)  # fmt: skip
_LIVE_ANSWER = Entry(
    "LiveAnswerEntry",
    entry_schema(
        Answer, "An answer for a gateway, which deletes it when it has read it.",
        {"text": {"type": "string", "description": "JSON of a `PipelineResult`; with an error, a sentence."},
         "error": {"anyOf": [{"type": "string", "const": ""}, reference("LiveCode")], "description": "The code."},
         **_format("live")},
    ),
    {"live_id": "5d1c", "frame_index": "7", "error": "pipeline_failure", "text": "The pipeline failed."},
)  # fmt: skip

_LINE: Schema = {
    "type": "string",
    "contentMediaType": "application/json",
    "description": "The event as JSON, as it is written to the log: a `FeatureRefEvent`, an appended `A3CPMessage`, "
    "or a `SessionStarted` or `SessionEnded` with `event`: `session.start` or `session.end`.",
}
_OF_CAPTURE: Schema = _optional({"allOf": [reference("Identifier")], "description": "Of a capture's event only."})
_BY_CLIENT: Schema = _optional(
    {
        "type": "string",
        "const": "1",
        "description": "A client appended it, with a `source` that only this product's processes use.",
    }
)
_EVENT_FIELDS = {"event": _LINE, "capture_id": _OF_CAPTURE, "by_client": _BY_CLIENT, **_format("event")}
_EVENT_EXAMPLE = {
    "event": '{"schema_version":"1.0.1","record_id":"…","source":"note_taker","note":"she smiled"}',
    "user_id": _USER, "session_id": _SESSION, "record_id": _WINDOW,
}  # fmt: skip
_EVENT = Entry("EventEntry", entry_schema(EventEntry, "One event for a session's log.", _EVENT_FIELDS), _EVENT_EXAMPLE)
_DEAD = Entry(
    "DeadLetter",
    entry_schema(
        EventEntry, "An event that can never be appended, with the reason. A broken entry may lack fields.",
        {
            "reason": {"type": "string", "description": "The code: `invalid_event`, `missing_session_path`, …"},
            "detail": {"type": "string", "description": "The same in a sentence."},
            "buried_at": reference("UtcDatetime"),
            "entry_id": {"type": "string", "description": "Its entry ID in the stream of events."},
            "bytes_before": {"type": "string", "description": "The size of all dead letters before it, in bytes."},
            "letter_format": _optional({"type": "string", "const": written("dead_letter"),
                                        "description": "The letter's own format; `format` is its entry's."}),
            **_EVENT_FIELDS,
        },
    ),
    {
        **_EVENT_EXAMPLE, "reason": "missing_session_path", "detail": "the session's directory is missing",
        "buried_at": _TIME, "entry_id": "1795233920899-0", "bytes_before": "0",
    },
)  # fmt: skip

_LIMITS = CaptureLimits()
_EXTRACTORS = keys.EXTRACTOR_GROUP

STREAMS: tuple[Stream, ...] = (
    Stream(
        "captures", "Captures that wait", "Dispatch: one entry per opened capture. The extractor for which it is "
        "pending owns the capture.", "frames", keys.CAPTURES, "", (_DISPATCH,), _EXTRACTORS,
    ),
    Stream(
        "uploads", "Uploads that wait", "Dispatch of captures whose frames come from a video. Extractors take the "
        "other captures first.", "frames", keys.UPLOADS, "", (_DISPATCH,), _EXTRACTORS,
    ),
    Stream(
        "erasures", "Erasures that wait", "Requests to remove the artifacts of captures that are to be erased. They "
        "may come twice or be lost: gateways compare the stream with the session logs. An extractor drops a request "
        "that no gateway noted in the events broker.", "frames", keys.ERASURES, "", (_ERASURE,), _EXTRACTORS,
    ),
    Stream(
        "frames", "A capture's frames", f"At most {_LIMITS.stream_max_frames} frames or {_LIMITS.stream_max_bytes} "
        "bytes; the gateway waits while the stream is full. The extractor deletes a frame as soon as its row is "
        "stored. Only the capture's extractor reads the stream, in order, without a group.",
        "frames", keys.capture_keys("<capture_id>").frames, "{<capture_id>}", (_FRAME, _TERMINAL),
    ),
    Stream(
        "liveInbox", "A live worker's inbox", "The frames that wait for one worker, at most one of each session. They "
        "expire after 15 s.", "frames", keys.live_inbox("<worker>"), "{live:<worker>}", (_LIVE_FRAME,),
    ),
    Stream(
        "liveOutbox", "A gateway's outbox", "The answers that wait for one gateway. They expire after 15 s.",
        "frames", keys.live_outbox("<gateway>"), "{live:<gateway>}", (_LIVE_ANSWER,),
    ),
    Stream(
        "events", "Events", "The events for the sessions' logs. The one active recorder appends each once.",
        "events", keys.EVENTS, "{a3cp}", (_EVENT,), keys.RECORDER_GROUP,
    ),
    Stream(
        "deadLetters", "Dead letters", "Events that can never be appended, and whose sender gets no answer. At most "
        "64 MiB, about 10000 entries, 30 days are kept.",
        "events", keys.DEAD_EVENTS, "{a3cp}", (_DEAD,),
    ),
)  # fmt: skip
