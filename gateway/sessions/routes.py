"""``POST /session_manager/sessions.start|end|validate``."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.messages.session import SessionAnswer, SessionEndRequest, SessionStartRequest, SessionValidateRequest
from contracts.rules.errors import RequestRefused
from gateway.access.guard import own_people, recorder_name, require_own
from gateway.http.refusals import json_response
from gateway.http.requests import parse_body, read_body, require, validated
from gateway.sessions import service, store
from gateway.state import GatewayState

__all__ = ["ROUTES"]


async def start(request: Request) -> Response:
    """Start a session; answers once its start event is in the session's log."""
    state: GatewayState = request.app.state.gateway
    document = parse_body(await read_body(request))
    require(document, "performer_id")
    message = validated(SessionStartRequest, document)
    require_own(request, message.user_id)
    service.check_consent(message, state.settings.consent)
    boundary = service.starting(message, datetime.now(UTC), str(uuid4()), recorder_name(request))
    settings = state.settings
    answer = await store.start_session(state.events, settings.artifact_root, settings.log_root, boundary)
    return Response(answer, media_type="application/json")


async def end(request: Request) -> Response:
    """End a session; answers once its end event is in the session's log."""
    state: GatewayState = request.app.state.gateway
    document = parse_body(await read_body(request))
    require(document, "performer_id", "session_id")
    message = validated(SessionEndRequest, document)
    require_own(request, message.user_id)
    try:
        boundary = service.ending(message, str(uuid4()), recorder_name(request))
        answer = await store.end_session(state.events, boundary)
    except RequestRefused as refused:
        if refused.code == "wrong_user" and own_people(request) is not None:
            raise service.unknown_session() from None  # another person's session is as one that does not exist
        raise
    return Response(answer, media_type="application/json")


async def validate(request: Request) -> Response:
    """Say whether a session is active, closed or invalid."""
    state: GatewayState = request.app.state.gateway
    message = validated(SessionValidateRequest, parse_body(await read_body(request)))
    require_own(request, message.user_id)
    status = await store.session_status(state.events, message.user_id, message.session_id)
    return json_response(SessionAnswer(status=status).model_dump())


ROUTES = [
    Route("/session_manager/sessions.start", start, methods=["POST"]),
    Route("/session_manager/sessions.end", end, methods=["POST"]),
    Route("/session_manager/sessions.validate", validate, methods=["POST"]),
]
