"""``POST /schema-recorder/append``: append one event to a session's log, and answer after its line is in the file."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.broker.script import run
from contracts.messages.event import A3CPMessage
from contracts.messages.http import Appended
from contracts.process.retry import retry
from contracts.rules.errors import RequestRefused
from contracts.rules.ids import format_utc, parse_utc
from contracts.state.events import (
    EventEntry,
    append_event,
    append_events,
    await_receipt,
    compact_json,
    encode_line,
    uses_our_names,
)
from gateway.access.guard import recorder_name, require_own
from gateway.http.refusals import json_response
from gateway.http.requests import parse_body, read_body, require, validated
from gateway.state import GatewayState

__all__ = ["ROUTES", "event_entry", "record", "record_all"]

WHITESPACE_BYTES = 64 * 1024
"""How many bytes a body may be longer than the line: the recorder writes the event without insignificant whitespace."""


def event_entry(body: bytes, recorded_by: str | None = None) -> EventEntry:
    """The stream entry for a request's body. The event keeps the body's own text, without insignificant whitespace.

    With ``recorded_by``, the client's entry in the access file, the event ends with that name. Then a client that says
    one itself is refused: readers could not tell whose word it is.

    Raises:
        RequestRefused: 400 if ``user_id``, ``session_id`` or ``source`` is missing; 422 if the body is not an A3CP
            message.
    """
    document = parse_body(body)
    require(document, "user_id", "session_id", "source")
    message = validated(A3CPMessage, document)
    event = compact_json(body)
    if recorded_by is not None:
        if "recorded_by" in document:
            raise RequestRefused(422, "schema_error", "recorded_by: the server says this itself")
        event = event[:-1] + b',"recorded_by":%s}' % orjson.dumps(recorded_by)
    return EventEntry(event, message.user_id, message.session_id, message.record_id, by_client=uses_our_names(document))


async def append(request: Request) -> Response:
    """Append one event. Answers 201 ``{record_id, recorded_at}``."""
    state: GatewayState = request.app.state.gateway
    most_bytes = state.settings.max_event_bytes + WHITESPACE_BYTES
    body = await read_body(request, most_bytes, code="event_too_large")
    entry = event_entry(body, recorder_name(request))
    require_own(request, entry.user_id)
    appended = Appended(record_id=entry.record_id, recorded_at=parse_utc(await record(state, entry)))
    return json_response(appended.model_dump(mode="json"), 201)


async def record(state: GatewayState, entry: EventEntry) -> str:
    """Queue an event, and wait until its line is in the file. Returns its ``recorded_at``.

    Raises:
        RecorderError: the event is too large, or cannot be recorded.
        RequestRefused: 503 ``recorder_unavailable``: no recorder answered in 5 s.
        BrokerUnavailable: the events broker is unreachable.
    """
    # raises if the line would be too long, before the event is queued
    now, most_bytes = format_utc(datetime.now(UTC)), state.settings.max_event_bytes
    encode_line(entry.event, now, most_bytes, by_client=entry.by_client)
    with state.metrics.capture.append.time():
        entry_id = await retry(lambda: append_event(state.events, entry))
        return await _recorded_at(state, entry_id)


async def record_all(
    state: GatewayState, entries: Sequence[EventEntry], withdrawn: Collection[str] = frozenset()
) -> None:
    """Queue several events of this system, all or none, and wait until the lines of all are in their files. In the
    sessions that are ``withdrawn`` no capture is opened from then on.

    Raises:
        RecorderError, RequestRefused, BrokerUnavailable: as `record`; except after `BrokerUnavailable`, all are queued.
    """
    if not entries:
        return
    with state.metrics.capture.append.time():
        for entry_id in await retry(lambda: run(state.events, append_events(entries, withdrawn))):
            await _recorded_at(state, entry_id)


async def _recorded_at(state: GatewayState, entry_id: str) -> str:
    receipt = await retry(lambda: await_receipt(state.events, entry_id))
    if receipt is None:
        detail = "No recorder answered. The event stays queued and will be recorded; the same bytes may be sent again."
        raise RequestRefused(503, "recorder_unavailable", detail)
    return receipt.recorded()


ROUTES = [Route("/schema-recorder/append", append, methods=["POST"])]
