"""``POST /access/code``: a one-time code becomes the token of the device that sends it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from contracts.messages.access import CodeRequest, GivenToken
from contracts.process.logs import get_logger
from contracts.rules.errors import RequestRefused
from contracts.state import sign_in
from gateway.http.refusals import json_response
from gateway.http.requests import parse_body, read_body, validated
from gateway.state import GatewayState

__all__ = ["code"]

MOST_BYTES = 1024

log = get_logger()


async def code(request: Request) -> Response:
    """Answer with the token of a code, once. Codes that are refused count as wrong tokens of the address."""
    state: GatewayState = request.app.state.gateway
    peer, _ = request.scope.get("client") or ("", 0)
    state.access.check_guesses(peer)
    said = validated(CodeRequest, parse_body(await read_body(request, MOST_BYTES)))
    token = await sign_in.take_code(state.events, said.code)
    entry = state.access.valid_holder(token) if token is not None else None
    if token is None or entry is None:
        state.access.note_guess(peer)
        raise RequestRefused(404, "unknown_code", "This code is used up, older than 10 minutes, or wrong.")
    log.info("signed in with a code", entry=entry.name)
    return json_response(GivenToken(token=token).model_dump(), headers={"Cache-Control": "no-store"})
