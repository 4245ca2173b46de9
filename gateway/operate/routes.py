"""``/operate/dead``: the operator's list of dead letters and failed captures, one of them, another try, its removal."""

from __future__ import annotations

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.messages.operate import DeadItemQuery, DroppedItem, RetriedItem
from gateway.http.requests import query_parameters, validated
from gateway.operate import retention
from gateway.operate.captures import FailedCaptures
from gateway.operate.dead import DeadLetters
from gateway.operate.explanations import CAPTURE

__all__ = ["ROUTES"]

_FRESH = {"Cache-Control": "no-store"}


async def dead(request: Request) -> Response:
    """Answer with one page of dead letters."""
    query = validated(DeadItemQuery, query_parameters(request))
    page = await _letters(request).page(query.cursor, query.limit)
    return _json(await _captures(request).added_to(page, first=query.cursor is None))


async def dead_one(request: Request) -> Response:
    """Answer with one dead letter, whole."""
    return _json(await _kept(request).show(_id(request)))


async def retry(request: Request) -> Response:
    """Put one back into the stream, once."""
    return _json(RetriedItem(id=_id(request), retried_at=await _kept(request).retry(_id(request))))


async def drop(request: Request) -> Response:
    """Remove one for good."""
    return _json(DroppedItem(id=_id(request), dropped_at=await _kept(request).drop(_id(request))))


def _letters(request: Request) -> DeadLetters:
    return DeadLetters(request.app.state.gateway)


def _captures(request: Request) -> FailedCaptures:
    return FailedCaptures(request.app.state.gateway)


def _kept(request: Request) -> DeadLetters | FailedCaptures:
    """The place of the item that the address names."""
    return _captures(request) if _id(request).startswith(CAPTURE) else _letters(request)


def _id(request: Request) -> str:
    return str(request.path_params["id"])


def _json(answer: BaseModel) -> Response:
    return Response(answer.model_dump_json(exclude_none=True), headers=_FRESH, media_type="application/json")


ROUTES = [
    Route("/operate/dead", dead, methods=["GET"]),
    Route("/operate/dead/{id}", dead_one, methods=["GET"]),
    Route("/operate/dead/{id}/retry", retry, methods=["POST"]),
    Route("/operate/dead/{id}/drop", drop, methods=["POST"]),
    *retention.ROUTES,
]
