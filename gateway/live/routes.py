"""The routes of the real-time lane; none if it is disabled."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from contracts.messages.pipelines import PIPELINES
from contracts.process.settings import Settings
from gateway.http.refusals import json_response
from gateway.live.endpoint import live_endpoint

__all__ = ["live_routes"]


async def pipelines(_request: Request) -> Response:
    """Answer with the pipelines that a client may choose as ``pipeline_id``."""
    return json_response([pipeline.model_dump() for pipeline in PIPELINES.values()])


def live_routes(settings: Settings) -> list[BaseRoute]:
    """The routes of the real-time lane; empty with ``STREAM_ENABLED=false``."""
    if not settings.stream_enabled:
        return []
    return [
        Route("/pipelines", pipelines, methods=["GET"]),
        WebSocketRoute("/ws/video/stream", live_endpoint),
    ]
