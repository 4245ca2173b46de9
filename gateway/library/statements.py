"""``POST /library/review``, ``relabel`` and ``reassign``: say something about a recorded capture.

Each becomes one event in the session's log, through the recorder. A repeat, which has the same ``record_id``, gets the
first answer again and adds nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.broker.roles import AsyncBroker
from contracts.messages.http import Appended
from contracts.messages.library import (
    CaptureReassigned,
    CaptureRelabelled,
    CaptureReviewed,
    ReassignRequest,
    RelabelRequest,
    ReviewRequest,
)
from contracts.rules.errors import RequestRefused, UnreadableValue
from contracts.rules.ids import parse_utc
from contracts.state.events import EventEntry, event_bytes
from gateway.access.guard import recorder_name, require_own
from gateway.http.refusals import json_response
from gateway.http.requests import parse_body, read_body, require, validated
from gateway.library.library import Library
from gateway.library.reader import KnownCapture, read_known
from gateway.library.recorded import durable_record
from gateway.sessions.recording import record
from gateway.state import GatewayState

__all__ = ["ROUTES", "LibraryStatement", "statement_of", "why_unknown"]

StatementRequest = ReviewRequest | RelabelRequest | ReassignRequest
LibraryStatement = CaptureReviewed | CaptureRelabelled | CaptureReassigned


def statement_of(asked: StatementRequest, now: datetime, recorded_by: str | None = None) -> LibraryStatement:
    """The event that a request becomes. It has the request's ``record_id``. ``recorded_by`` names the client's entry in
    the access file."""
    # by hand, because each kind of event has other fields; what is common has the same names in both
    base = asked.model_dump(exclude={"verdict", "reason", "intent", "participant"}, exclude_none=True)
    base |= {"timestamp": asked.timestamp or now, "recorded_by": recorded_by}
    match asked:
        case ReviewRequest():
            return CaptureReviewed(**base, verdict=asked.verdict, reason=asked.reason)
        case RelabelRequest():
            return CaptureRelabelled(**base, intent=asked.intent)
        case ReassignRequest():
            return CaptureReassigned(**base, participant=asked.participant)


async def _say(request: Request, model: type[StatementRequest]) -> Response:
    """Append one event about a capture. Answers 201 ``{record_id, recorded_at}``."""
    state: GatewayState = request.app.state.gateway
    library: Library = request.app.state.library
    document = parse_body(await read_body(request))
    require(document, "user_id", "session_id", "performer_id")
    said = statement_of(validated(model, document), datetime.now(UTC), recorder_name(request))
    require_own(request, said.user_id)
    key = (said.user_id, said.session_id, said.capture_id)
    look = partial(read_known, key=key, event=said.event, record_id=said.record_id)
    known = await library.read_session(said.user_id, said.session_id, look)
    if known is None:
        raise await why_unknown(state.events, *key)
    recorded_at = known.said_at or await _record(state, library, said, known)
    appended = Appended(record_id=said.record_id, recorded_at=parse_utc(recorded_at))
    return json_response(appended.model_dump(mode="json"), 201)


async def _record(state: GatewayState, library: Library, said: LibraryStatement, known: KnownCapture) -> str:
    if known.state == "erased":
        raise RequestRefused(409, "capture_erased", "The capture is erased.")
    entry = EventEntry(event_bytes(said), said.user_id, said.session_id, said.record_id)
    recorded_at = await record(state, entry)
    await library.catch_up(said.user_id, said.session_id)  # the client's next list shows it
    return recorded_at


async def why_unknown(events: AsyncBroker, user_id: str, session_id: str, capture_id: str) -> RequestRefused:
    """Why the session's log has no such capture: it is aborted, or not recorded yet, or there is none."""
    try:
        found = await durable_record(events, capture_id)
    except UnreadableValue:
        found = None
    if found is None or (found.user_id, found.session_id) != (user_id, session_id):
        detail = "This user's session has no capture with this capture_id."
        return RequestRefused(404, "unknown_capture", detail)
    if found.outcome in ("aborted", "dead"):
        return RequestRefused(409, "capture_aborted", "The capture was aborted: nothing of it is kept.")
    return RequestRefused(409, "not_recorded", "The capture is not recorded yet; try again.")


def _route(name: str, model: type[StatementRequest]) -> Route:
    async def say(request: Request) -> Response:
        return await _say(request, model)

    return Route(f"/library/{name}", say, methods=["POST"])


_MODELS: dict[str, type[StatementRequest]] = {
    "review": ReviewRequest,
    "relabel": RelabelRequest,
    "reassign": ReassignRequest,
}
ROUTES = [_route(name, model) for name, model in _MODELS.items()]
