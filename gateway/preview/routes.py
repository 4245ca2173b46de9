"""``GET /captures/{capture_id}/preview.png`` and ``animation.gif`` beside it: a recorded capture's landmarks, drawn."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.errors import (
    ArtifactElsewhere,
    ArtifactError,
    ArtifactMissing,
    ArtifactStoreError,
    RequestRefused,
)
from contracts.logs import get_logger
from contracts.records import CaptureRecord
from gateway.captures import known_record
from gateway.preview.artifact import Recorded, read_artifact
from gateway.state import GatewayState

__all__ = ["DRAWN_AT_ONCE", "Draw", "Reader", "preview_routes"]

log = get_logger()

DRAWN_AT_ONCE = 2
"""Each takes a thread, and the memory of one artifact and of its pictures; others wait."""

Reader = Callable[[], bytes]

Draw = Callable[[Recorded], bytes]
"""What makes one kind of picture, as a file's bytes."""


def preview_routes() -> list[Route]:
    """The routes of the pictures."""
    places = asyncio.Semaphore(DRAWN_AT_ONCE)

    def route(name: str, draw: Draw, media_type: str) -> Route:
        async def picture(request: Request) -> Response:
            state: GatewayState = request.app.state.gateway
            record = await known_record(state.events, request.path_params["capture_id"])
            uri, digest = _artifact_of(record)
            async with places:
                drawn = await _drawn(partial(state.artifacts.read, uri), digest, record.capture_id, draw)
            return Response(drawn, headers={"Cache-Control": "no-store"}, media_type=media_type)

        return Route(f"/captures/{{capture_id}}/{name}", picture, methods=["GET"])

    return [route("preview.png", _sheet, "image/png"), route("animation.gif", _animation, "image/gif")]


def _artifact_of(record: CaptureRecord) -> tuple[str, str]:
    """Where it is, and its hash."""
    reference = record.raw_features_ref()
    if reference is None or record.status(claimed=False) != "recorded":
        raise RequestRefused(404, "not_recorded", "The capture is not recorded, so there is no picture of it.")
    return str(reference["uri"]), str(reference["hash"])


async def _drawn(read: Reader, digest: str, capture_id: str, draw: Draw) -> bytes:
    try:
        return await asyncio.to_thread(_draw, read, digest, draw)
    except ArtifactElsewhere:
        detail = "The capture's file is not where this server looks, so it cannot be drawn here."
        raise RequestRefused(404, "artifact_elsewhere", detail) from None
    except ArtifactMissing:
        raise RequestRefused(404, "artifact_missing", "The capture's file is no longer there.") from None
    except ArtifactStoreError as error:
        log.warning("capture not drawn", capture_id=capture_id, detail=str(error))
        detail = "The store of the captures' files does not answer; try again later."
        raise RequestRefused(503, "artifact_store_unavailable", detail) from error
    except ArtifactError as error:
        log.error("capture not drawn", capture_id=capture_id, exc_info=error)
        detail = "The capture's file cannot be read, or is not the one that was recorded; `a3cp verify` says more."
        raise RequestRefused(500, "artifact_unreadable", detail) from error


def _sheet(recorded: Recorded) -> bytes:
    from gateway.preview.sheet import contact_sheet  # Pillow is loaded for the first picture, not for each start

    return contact_sheet(recorded)


def _animation(recorded: Recorded) -> bytes:
    from gateway.preview.animation import animation

    return animation(recorded)


def _draw(read: Reader, digest: str, draw: Draw) -> bytes:
    data = read()
    if "sha256:" + hashlib.sha256(data).hexdigest() != digest:
        raise ArtifactError("the artifact is not the one that was recorded: its hash differs")
    recorded = read_artifact(data)
    try:
        return draw(recorded)
    except Exception as error:  # Pillow raises what it likes at numbers that no camera makes
        raise ArtifactError("the artifact cannot be drawn") from error
