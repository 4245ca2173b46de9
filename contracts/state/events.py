"""Events: the one way to append to a session's log.

An event is JSON text. It is published on ``{a3cp}:events``, and the active recorder appends it; the
receipt says when, or why not. The event is preserved: key order, strings and number tokens verbatim;
only insignificant whitespace is removed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel

from contracts.broker import keys
from contracts.broker.roles import AsyncBroker, broker_errors
from contracts.broker.script import Call
from contracts.rules import formats
from contracts.rules.errors import EventTooLarge, RecorderError, UnreadableValue
from contracts.rules.ids import parse_utc
from contracts.state.traces import trace_of

__all__ = [
    "LINE_EXTRA_BYTES",
    "EventEntry",
    "Receipt",
    "append_event",
    "append_events",
    "await_receipt",
    "compact_json",
    "encode_line",
    "event_bytes",
    "is_by_client",
    "split_line",
    "uses_our_names",
]

RECEIPT_WAIT_S = 5.0

_OUTSIDE_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"|[^"\s]+', re.DOTALL)
_WHITESPACE = b" \t\r\n"


def compact_json(text: bytes) -> bytes:
    """``text``, which must be valid JSON, without the whitespace between its tokens; every token verbatim."""
    if len(text.translate(None, _WHITESPACE)) == len(text):  # as what we make ourselves: 30 times as quick
        return text
    return b"".join(_OUTSIDE_STRINGS.findall(text))


def event_bytes(event: BaseModel) -> bytes:
    """The JSON of one of our messages; fields that were never set and are None are left out."""
    return event.model_dump_json(exclude_none=True).encode()


_OUR_SOURCES = {"session_manager", "landmark_extractor", "library"}
_OUR_EVENTS = {
    "session.start", "session.end", "capture.reviewed", "capture.relabelled", "capture.reassigned", "capture.erased",
    "consent.withdrawn",
}  # fmt: skip


def uses_our_names(event: Mapping[str, Any]) -> bool:
    """Whether an event says that the session manager, an extractor or the library made it, or which entry recorded it.

    A client may append such an event. Its line then says that it is a client's (`encode_line`), so that readers take
    labels and references to artifacts only from lines that our own processes made.
    """
    return (
        str(event.get("source")) in _OUR_SOURCES
        or str(event.get("event")) in _OUR_EVENTS
        or "raw_features_ref" in event
        or "recorded_by" in event
    )


_HEAD = b'{"recorded_at":"'
_MIDDLE = b'","event":'
_TIME_BYTES = len("2026-01-31T12:00:00.000Z")
_EVENT_AT = len(_HEAD) + _TIME_BYTES + len(_MIDDLE)
_END = b"}\n"
_BY_CLIENT_END = b',"by":"client"}\n'
"""An event is an object, so any other line ends with two braces: no event can imitate this, or hide it."""

LINE_EXTRA_BYTES = _EVENT_AT + len(_BY_CLIENT_END)
"""By how much a line is longer than its event, at the most."""


def encode_line(event: bytes, recorded_at: str, max_event_bytes: int, *, by_client: bool = False) -> bytes:
    """``{"recorded_at":"…","event":{…}}`` and a newline; ``…,"by":"client"}`` if a client appended an event that
    `uses_our_names`.

    Raises:
        EventTooLarge: that is more than ``max_event_bytes`` bytes.
    """
    line = b"".join((_HEAD, recorded_at.encode(), _MIDDLE, event, _BY_CLIENT_END if by_client else _END))
    if len(line) > max_event_bytes:
        raise EventTooLarge(f"the line would have {len(line)} bytes, {max_event_bytes} are allowed")
    return line


def split_line(line: bytes) -> tuple[str, bytes] | None:
    """The ``recorded_at`` and the event bytes of a line that `encode_line` made; None for any other line."""
    if not (line.startswith(_HEAD) and line.endswith(_END) and line[_EVENT_AT - len(_MIDDLE) : _EVENT_AT] == _MIDDLE):
        return None
    recorded_at = line[len(_HEAD) : len(_HEAD) + _TIME_BYTES].decode("ascii", "replace")
    try:
        parse_utc(recorded_at)
    except ValueError:
        return None
    return recorded_at, line[_EVENT_AT : -len(_BY_CLIENT_END if is_by_client(line) else _END)]


def is_by_client(line: bytes) -> bool:
    """Whether a line that `encode_line` made says that a client appended its event."""
    return line.endswith(_BY_CLIENT_END)


@dataclass(frozen=True, slots=True)
class EventEntry:
    """One entry of ``{a3cp}:events``. ``capture_id`` is set only on a capture's feature-ref event, ``by_client`` only
    on an event that a client appended and that `uses_our_names`, ``traceparent`` only on the event of a capture that is
    traced."""

    event: bytes
    user_id: str
    session_id: str
    record_id: str
    capture_id: str = ""
    by_client: bool = False
    traceparent: str = ""

    def encode(self) -> dict[str, str | bytes]:
        """The entry's fields."""
        fields: dict[str, str | bytes] = {
            "event": self.event,
            "user_id": self.user_id,
            "session_id": self.session_id,
            "record_id": self.record_id,
        }
        by_client = "1" if self.by_client else ""
        more = {"capture_id": self.capture_id, "by_client": by_client, "traceparent": self.traceparent}
        more[formats.FIELD] = formats.written("event")
        return fields | {name: value for name, value in more.items() if value}

    @classmethod
    def decode(cls, fields: Mapping[bytes, bytes]) -> EventEntry:
        """Read an entry; ``ValueError`` says which field is missing or unreadable. Raises ``OtherFormat`` if this
        release does not read it."""
        formats.check_format("event", fields.get(formats.FIELD.encode()))
        try:
            return cls(
                event=fields[b"event"],
                user_id=fields[b"user_id"].decode(),
                session_id=fields[b"session_id"].decode(),
                record_id=fields[b"record_id"].decode(),
                capture_id=fields.get(b"capture_id", b"").decode(),
                by_client=b"by_client" in fields,
                traceparent=trace_of(fields),
            )
        except KeyError as missing:
            raise ValueError(f"the entry has no field {missing.args[0].decode()}") from None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The recorder's answer to one event: when it was recorded, or the code and sentence of why not."""

    recorded_at: str = ""
    error: str = ""
    detail: str = ""

    def encode(self) -> bytes:
        """As it stands in the broker, JSON."""
        if self.error:
            return orjson.dumps({"error": self.error, "detail": self.detail})
        return orjson.dumps({"recorded_at": self.recorded_at})

    @classmethod
    def decode(cls, text: bytes) -> Receipt:
        """Read what `encode` made; ``ValueError`` if it is something else."""
        document = orjson.loads(text)
        known = {"recorded_at", "error", "detail"}
        if not isinstance(document, dict) or not document.keys() <= known:
            raise ValueError("not a receipt")
        if not all(isinstance(value, str) for value in document.values()):
            raise ValueError("a receipt holds text")
        if not document.get("error"):
            parse_utc(document.get("recorded_at", ""))
        return cls(**document)

    def recorded(self) -> str:
        """When the line was recorded.

        Raises:
            RecorderError: it was not; the subclass is the reason.
        """
        if not self.error:
            return self.recorded_at
        for kind in _leaves(RecorderError):
            if kind.code == self.error:
                raise kind(self.detail)
        raise RecorderError(self.detail)


def _leaves(kind: type[RecorderError]) -> list[type[RecorderError]]:
    return [leaf for child in kind.__subclasses__() for leaf in (child, *_leaves(child))]


async def append_event(broker: AsyncBroker, entry: EventEntry) -> str:
    """Publish an event; returns its entry ID.

    Repeating it is safe: the recorder does not repeat a line whose event bytes are the same.

    Raises:
        BrokerUnavailable: the broker is unavailable; the event may have been published.
    """
    with broker_errors("events"):
        entry_id: Any = await broker.xadd(keys.EVENTS, entry.encode())  # type: ignore[arg-type]
    return str(entry_id.decode())


def append_events(entries: Sequence[EventEntry], withdrawn: Collection[str] = ()) -> Call[list[str]]:
    """Publish several events of this system, all or none; returns their entry IDs. In the sessions that are
    ``withdrawn`` no capture is opened from then on. Repeating it is safe, as above."""
    redis_keys = [keys.EVENTS, *(keys.session(entry.session_id) for entry in entries)]
    words: list[str | bytes] = []
    for entry in entries:
        words += [entry.event, entry.user_id, entry.session_id, entry.record_id]
        words.append("1" if entry.session_id in withdrawn else "")
    return Call("events", "append_events", redis_keys, words, lambda answer: [each.decode() for each in answer])


async def await_receipt(broker: AsyncBroker, entry_id: str, timeout_s: float = RECEIPT_WAIT_S) -> Receipt | None:
    """The recorder's answer to one event, or None if there is none within ``timeout_s`` (it stays queued).

    Raises:
        BrokerUnavailable: the broker is away.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    delay_s = 0.002
    while True:
        try:
            with broker_errors("events"):
                answer: Any = await broker.get(keys.receipt(entry_id))
            if answer is not None:
                return Receipt.decode(bytes(answer))
        except (UnreadableValue, ValueError):  # no receipt; the recorder's own replaces it
            pass
        if loop.time() >= deadline:
            return None
        await asyncio.sleep(delay_s)
        delay_s = min(0.05, delay_s * 1.5)
