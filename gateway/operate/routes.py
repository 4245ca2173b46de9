"""``/operate/dead``: the operator's list of dead letters, one of them, another try, and its removal."""

from __future__ import annotations

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.messages.operate import DeadItemQuery, DroppedItem, RetriedItem
from gateway.http.requests import query_parameters, validated
from gateway.operate.dead import DeadLetters

__all__ = ["ROUTES"]

_FRESH = {"Cache-Control": "no-store"}


async def dead(request: Request) -> Response:
    """Answer with one page of dead letters."""
    query = validated(DeadItemQuery, query_parameters(request))
    return _json(await _letters(request).page(query.cursor, query.limit))


async def dead_one(request: Request) -> Response:
    """Answer with one dead letter, whole."""
    return _json(await _letters(request).show(_id(request)))


async def retry(request: Request) -> Response:
    """Put one back into the stream, once."""
    return _json(RetriedItem(id=_id(request), retried_at=await _letters(request).retry(_id(request))))


async def drop(request: Request) -> Response:
    """Remove one for good."""
    return _json(DroppedItem(id=_id(request), dropped_at=await _letters(request).drop(_id(request))))


def _letters(request: Request) -> DeadLetters:
    return DeadLetters(request.app.state.gateway)


def _id(request: Request) -> str:
    return str(request.path_params["id"])


def _json(answer: BaseModel) -> Response:
    return Response(answer.model_dump_json(exclude_none=True), headers=_FRESH, media_type="application/json")


ROUTES = [
    Route("/operate/dead", dead, methods=["GET"]),
    Route("/operate/dead/{id}", dead_one, methods=["GET"]),
    Route("/operate/dead/{id}/retry", retry, methods=["POST"]),
    Route("/operate/dead/{id}/drop", drop, methods=["POST"]),
]
