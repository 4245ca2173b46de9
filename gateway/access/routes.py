"""``/access/…``: who is signed in, and one-time codes."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.messages.access import SignedIn
from gateway.access.codes import code
from gateway.access.guard import entry_of
from gateway.http.refusals import json_response

__all__ = ["ROUTES"]


async def me(request: Request) -> Response:
    """Answer with the entry of the request's token."""
    answer = SignedIn.of(entry_of(request)).model_dump(mode="json")
    return json_response(answer, headers={"Cache-Control": "no-store"})


ROUTES = [Route("/access/me", me, methods=["GET"]), Route("/access/code", code, methods=["POST"])]
