"""``GET /library/captures``, one of them, and ``/library/summary``: what is recorded, from the catalog."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.messages.library import LibraryQuery
from contracts.rules.errors import RequestRefused
from contracts.rules.ids import is_identifier
from gateway.access.guard import own_people
from gateway.http.requests import query_parameters, validated
from gateway.library import statements, withdrawals
from gateway.library.library import Library
from gateway.library.reader import read_capture, read_page, read_summary

__all__ = ["ROUTES"]

_FRESH = {"Cache-Control": "no-store"}


async def captures(request: Request) -> Response:
    """Answer with one page of captures."""
    library: Library = request.app.state.library
    query = validated(LibraryQuery, query_parameters(request))
    return _json(await library.read(partial(read_page, query=query, people=own_people(request))))


async def capture(request: Request) -> Response:
    """Answer with one capture and its history."""
    library: Library = request.app.state.library
    capture_id: str = request.path_params["capture_id"]
    look = partial(read_capture, capture_id=capture_id, people=own_people(request))
    found = await library.read(look) if is_identifier(capture_id) else None
    if found is None:
        raise RequestRefused(404, "unknown_capture", "There is no recorded capture with this capture_id.")
    return _json(found)


async def summary(request: Request) -> Response:
    """Answer with the numbers of captures."""
    library: Library = request.app.state.library
    return _json(await library.read(partial(read_summary, people=own_people(request))))


def _json(body: bytes) -> Response:
    return Response(body, headers=_FRESH, media_type="application/json")


ROUTES = [
    Route("/library/captures", captures, methods=["GET"]),
    Route("/library/captures/{capture_id}", capture, methods=["GET"]),
    Route("/library/summary", summary, methods=["GET"]),
    *statements.ROUTES,
    *withdrawals.ROUTES,
]
