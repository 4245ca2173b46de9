"""Erasures: the requests of the gateways to the extractors, and the event that says that an artifact is gone.

The session's log is the truth: a capture is to be erased while a withdrawal with ``erase`` covers it and the log has no
``capture.erased`` of it. An entry of ``a3cp:erasures`` is only a request and may be lost or come twice: the gateways
compare the stream with their catalogs, and every step may be repeated. It also permits nothing: an extractor removes
only what the note in the events broker names, so a client that writes to the frames broker alone erases nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from contracts.broker import keys
from contracts.broker.roles import AsyncBroker, Broker, broker_errors
from contracts.broker.script import Argument, Call
from contracts.messages.erasure import CaptureErased
from contracts.rules import formats
from contracts.rules.errors import UnreadableValue
from contracts.rules.formats import OtherFormat
from contracts.rules.ids import SCHEMA_VERSION, is_identifier, is_record_id, is_session_id
from contracts.state.events import event_bytes

__all__ = [
    "MOST_REQUESTS",
    "ErasureRequest",
    "add_request",
    "allow",
    "erasure_event",
    "has_begun",
    "is_allowed",
    "publish",
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
        return {**self._values(), formats.FIELD: formats.written("erasure")}

    def _values(self) -> dict[str, str]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def digest(self) -> str:
        """The SHA-256 of the fields in hex: the note that permits this request has it."""
        return hashlib.sha256("\n".join(self._values().values()).encode()).hexdigest()

    @classmethod
    def decode(cls, entry: Mapping[bytes, bytes]) -> ErasureRequest:
        """Read and check an entry.

        Raises:
            OtherFormat: this release does not read it.
            ValueError: a field is missing, or is not what it should be.
        """
        formats.check_format("erasure", entry.get(formats.FIELD.encode()))
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
        except (ValueError, OtherFormat):
            continue
    return found


async def add_request(broker: AsyncBroker, request: ErasureRequest) -> None:
    """Add a request to the stream. Repeating it is harmless. Errors as `requested`."""
    with broker_errors("frames"):
        await broker.xadd(keys.ERASURES, request.encode())  # type: ignore[arg-type]


def allow(request: ErasureRequest) -> Call[bool]:
    """Note that extractors may remove this artifact: from now on none writes it again. Returns whether a request must
    be added; not if its event is queued already, so that no event is added again and again while no recorder runs."""

    def read(answer: Any) -> bool:
        if isinstance(answer, list):
            formats.check_format("erasure", answer[1])
        return bool(answer)

    redis_keys = [keys.erasure(request.capture_id), keys.EVENTS]
    return Call("events", "allow_erasure", redis_keys, [request.digest(), ERASURE_TTL_S], read)


def is_allowed(broker: Broker, request: ErasureRequest) -> bool:
    """Whether a gateway noted exactly this request.

    Raises:
        BrokerUnavailable: the events broker did not answer.
        UnreadableValue: the key does not hold a note; `OtherFormat`: another release wrote it.
    """
    with broker_errors("events"):
        noted, number = cast(Any, broker.hmget(keys.erasure(request.capture_id), ["request", formats.FIELD]))
    try:
        formats.check_format("erasure", number)
    except ValueError as error:
        raise UnreadableValue("events", keys.erasure(request.capture_id), str(error)) from error
    return bool(noted == request.digest().encode())


def has_begun(broker: Broker, capture_id: str) -> bool:
    """Whether this capture's artifact is being removed, or was, in the last 7 days.

    Raises:
        BrokerUnavailable: the events broker did not answer.
    """
    with broker_errors("events"):
        return bool(broker.exists(keys.erasure(capture_id)))


def erasure_event(request: ErasureRequest, erased_at: datetime) -> CaptureErased:
    """The event that says that the artifact is gone."""
    return CaptureErased(
        schema_version=SCHEMA_VERSION,
        record_id=_event_id(request),
        user_id=request.user_id,
        session_id=request.session_id,
        timestamp=erased_at,
        performer_id="system",
        capture_id=request.capture_id,
        hash=request.hash,
        erased_at=erased_at,
    )


def _event_id(request: ErasureRequest) -> str:
    text = "\n".join(("capture.erased", request.user_id, request.session_id, request.capture_id))
    return str(UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4))


def publish(request: ErasureRequest, erased_at: datetime) -> Call[None]:
    """Publish that the artifact was found gone at this time. A repeat publishes the first event again, whatever its own
    time, and the recorder does not repeat a line whose event bytes are the same."""
    event = erasure_event(request, erased_at)
    arguments: list[Argument] = [
        request.digest(), ERASURE_TTL_S, event_bytes(event), request.user_id, request.session_id, event.record_id,
    ]  # fmt: skip
    redis_keys = [keys.erasure(request.capture_id), keys.EVENTS]
    return Call("events", "publish_erasure", redis_keys, arguments, lambda _: None)
