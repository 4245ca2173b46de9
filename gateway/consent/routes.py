"""``GET /consent``: the text to show before the first capture."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.messages.consent import ConsentText
from gateway.http.refusals import json_response

__all__ = ["consent_routes"]


def consent_routes(text: ConsentText) -> list[Route]:
    """The route, which answers with this text for as long as the gateway runs."""
    answer = text.model_dump()

    async def consent(_request: Request) -> Response:
        """Answer with the text, its hash, and whether the gateway requires consent."""
        return json_response(answer)

    return [Route("/consent", consent, methods=["GET"])]
