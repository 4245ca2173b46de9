"""Erasures: the requests of the gateways to the extractors, and the event that says that an artifact is gone.

The session's log is the truth: a capture is to be erased while a withdrawal with ``erase`` covers it and the log has no
``capture.erased`` of it. An entry of ``a3cp:erasures`` is only a request and may be lost or come twice: the gateways
compare the stream with their catalogs, and every step may be repeated.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from contracts.broker import keys
from contracts.broker.roles import AsyncBroker, Broker, broker_errors
from contracts.broker.script import Argument, Call
from contracts.messages.library import CaptureErased
from contracts.rules.ids import SCHEMA_VERSION, format_utc, is_identifier, is_record_id, is_session_id, parse_utc
from contracts.state.events import EventEntry, event_bytes

__all__ = [
    "MOST_REQUESTS",
    "ErasureRequest",
    "add_requests",
    "erasure_event",
    "has_begun",
    "note",
    "publish_erasure",
    "requested",
]

ERASURE_TTL_S = 7 * 24 * 3600
"""How long the note of an erasure is kept: as long as the capture's durable record, so longer than an extractor works
on a capture, and than an event should wait for a recorder."""

MOST_REQUESTS = 10_000
"""Gateways add no request to a stream that has so many."""

_HASH = re.compile(r"sha256:[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class ErasureRequest:
    """One entry of ``a3cp:erasures``: the artifact of one capture, as its own event names it."""

    capture_id: str
    user_id: str
    session_id: str
    record_id: str
    uri: str
    hash: str

    def encode(self) -> dict[str, str]:
        """The fields as ``XADD`` takes them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def decode(cls, entry: Mapping[bytes, bytes]) -> ErasureRequest:
        """Read and check an entry.

        Raises:
            ValueError: a field is missing, or is not what it should be.
        """
        request = cls(*(entry.get(field.name.encode(), b"").decode() for field in fields(cls)))
        if not (is_identifier(request.capture_id) and is_identifier(request.user_id)):
            raise ValueError("it names no capture, or no user")
        if not (is_session_id(request.session_id) and is_record_id(request.record_id)):
            raise ValueError("it names no session, or no record")
        if not (request.uri and _HASH.match(request.hash)):
            raise ValueError("it names no artifact")
        return request


async def requested(broker: AsyncBroker) -> set[ErasureRequest]:
    """The requests that the stream has, `MOST_REQUESTS` at most, without those that cannot be read.

    Raises:
        BrokerUnavailable: the frames broker did not answer.
        UnreadableValue: the key does not hold a stream.
    """
    with broker_errors("frames"):
        entries: Any = await broker.xrange(keys.ERASURES, count=MOST_REQUESTS)
    found = set()
    for _, entry in entries:
        try:
            found.add(ErasureRequest.decode(entry))
        except ValueError:
            continue
    return found


async def add_requests(broker: AsyncBroker, requests: Iterable[ErasureRequest]) -> None:
    """Add requests to the stream. Repeating it is harmless. Errors as `requested`."""
    for request in requests:
        with broker_errors("frames"):
            await broker.xadd(keys.ERASURES, request.encode())  # type: ignore[arg-type]


def note(capture_id: str, gone_at: datetime | None = None) -> Call[str]:
    """Note that the artifact is removed from now on, before it is: an extractor that writes it later finds the note.
    Or, with ``gone_at``, that it is gone; the answer is when that was first noted."""
    arguments: list[Argument] = [ERASURE_TTL_S, format_utc(gone_at) if gone_at else ""]

    def read(answer: bytes) -> str:
        return format_utc(parse_utc(answer.decode())) if gone_at else ""

    return Call("events", "erasure", [keys.erasure(capture_id)], arguments, read)


def has_begun(broker: Broker, capture_id: str) -> bool:
    """Whether a worker removes this capture's artifact, or has removed it, in the last 7 days.

    Raises:
        BrokerUnavailable: the events broker did not answer.
    """
    with broker_errors("events"):
        return bool(broker.exists(keys.erasure(capture_id)))


def erasure_event(request: ErasureRequest, erased_at: str) -> CaptureErased:
    """The event that says that the artifact is gone. The same arguments always give the same event, so that the
    recorder writes one line."""
    at = parse_utc(erased_at)
    return CaptureErased(
        schema_version=SCHEMA_VERSION,
        record_id=_event_id(request),
        user_id=request.user_id,
        session_id=request.session_id,
        timestamp=at,
        performer_id="system",
        capture_id=request.capture_id,
        hash=request.hash,
        erased_at=at,
    )


def _event_id(request: ErasureRequest) -> str:
    text = "\n".join(("capture.erased", request.user_id, request.session_id, request.capture_id))
    return str(UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4))


def publish_erasure(broker: Broker, request: ErasureRequest, erased_at: str) -> None:
    """Publish the event of an erasure. Repeating it is safe: the recorder does not repeat a line whose event bytes are
    the same.

    Raises:
        BrokerUnavailable: the events broker did not answer; the event may have been published.
    """
    event = erasure_event(request, erased_at)
    entry = EventEntry(event_bytes(event), request.user_id, request.session_id, event.record_id)
    with broker_errors("events"):
        broker.xadd(keys.EVENTS, entry.encode())  # type: ignore[arg-type]
