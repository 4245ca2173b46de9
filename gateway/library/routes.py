"""``GET /library/captures``, one of them, and ``/library/summary``: what is recorded, from the catalog."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.messages.library import LibraryQuery
from contracts.rules.errors import RequestRefused
from contracts.rules.ids import is_identifier
from contracts.rules.retention import RetentionRules
from gateway.access.guard import own_people
from gateway.http.requests import query_parameters, validated
from gateway.library import statements, withdrawals
from gateway.library.due import FOR_EVER
from gateway.library.library import Library
from gateway.library.reader import read_capture, read_page, read_summary
from gateway.library.retention import Retention

__all__ = ["ROUTES"]

_FRESH = {"Cache-Control": "no-store"}


async def captures(request: Request) -> Response:
    """Answer with one page of captures."""
    library: Library = request.app.state.library
    query = validated(LibraryQuery, query_parameters(request))
    rules = await _rules(request)
    return _json(await library.read(partial(read_page, query=query, people=own_people(request), rules=rules)))


async def capture(request: Request) -> Response:
    """Answer with one capture and its history."""
    library: Library = request.app.state.library
    capture_id: str = request.path_params["capture_id"]
    rules = await _rules(request)
    look = partial(read_capture, capture_id=capture_id, people=own_people(request), rules=rules)
    found = await library.read(look) if is_identifier(capture_id) else None
    if found is None:
        raise RequestRefused(404, "unknown_capture", "There is no recorded capture with this capture_id.")
    return _json(found)


async def summary(request: Request) -> Response:
    """Answer with the numbers of captures."""
    library: Library = request.app.state.library
    return _json(await library.read(partial(read_summary, people=own_people(request))))


async def _rules(request: Request) -> RetentionRules:
    """The rules by which captures are kept. A list of captures does not fail because they cannot be read."""
    retention: Retention = request.app.state.retention
    try:
        return await retention.rules()
    except RequestRefused:
        return FOR_EVER


def _json(body: bytes) -> Response:
    return Response(body, headers=_FRESH, media_type="application/json")


ROUTES = [
    Route("/library/captures", captures, methods=["GET"]),
    Route("/library/captures/{capture_id}", capture, methods=["GET"]),
    Route("/library/summary", summary, methods=["GET"]),
    *statements.ROUTES,
    *withdrawals.ROUTES,
]
