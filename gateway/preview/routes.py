"""``GET /captures/{capture_id}/preview.png`` and ``animation.gif`` beside it: a recorded capture's landmarks, drawn."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.process.logs import get_logger
from contracts.rules.errors import (
    ArtifactElsewhere,
    ArtifactError,
    ArtifactMissing,
    ArtifactStoreError,
    RequestRefused,
)
from contracts.state.records import CaptureRecord
from gateway.capture.report import known_record
from gateway.preview.artifact import Recorded, read_artifact
from gateway.preview.turns import Turn, Turns
from gateway.state import GatewayState

__all__ = ["Check", "Draw", "NotWanted", "Reader", "preview_routes"]

log = get_logger()

Reader = Callable[[], bytes]

Check = Callable[[], None]
"""Raises if the picture is not wanted any more."""

Draw = Callable[[Recorded, Check], bytes]
"""What makes one kind of picture, as a file's bytes."""


class NotWanted(Exception):
    """The client has gone."""


def preview_routes() -> list[Route]:
    """The routes of the pictures."""
    turns = Turns()

    def route(name: str, draw: Draw, media_type: str, *, is_moving: bool) -> Route:
        async def picture(request: Request) -> Response:
            state: GatewayState = request.app.state.gateway
            record = await known_record(state.events, request.path_params["capture_id"])
            uri, digest = _artifact_of(record)
            peer = request.client.host if request.client else ""
            turn = turns.join(peer, record.capture_id, is_moving=is_moving)
            drawing = _Drawing(partial(state.artifacts.read, uri), digest, record.capture_id, draw)
            try:
                drawn = await _unless_gone(request, turn, drawing)
            except NotWanted:
                return Response(status_code=204)  # the client has left
            finally:
                turns.leave(turn)
            return Response(drawn, headers={"Cache-Control": "no-store"}, media_type=media_type)

        return Route(f"/captures/{{capture_id}}/{name}", picture, methods=["GET"])

    return [
        route("preview.png", _sheet, "image/png", is_moving=False),
        route("animation.gif", _animation, "image/gif", is_moving=True),
    ]


async def _unless_gone(request: Request, turn: Turn, drawing: _Drawing) -> bytes:
    """Draw when it is this request's turn. A client that goes is not waited for, nor drawn for.

    Raises:
        NotWanted: it has gone.
    """
    gone = asyncio.create_task(_gone(request))
    begun = asyncio.create_task(turn.begun.wait())
    try:
        await asyncio.wait({gone, begun}, return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            raise NotWanted
        gone.add_done_callback(lambda _: drawing.give_up())
        return await drawing.drawn()
    finally:
        for task in (gone, begun):
            task.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _artifact_of(record: CaptureRecord) -> tuple[str, str]:
    """Where it is, and its hash."""
    reference = record.raw_features_ref()
    if reference is None or record.status(claimed=False) != "recorded":
        raise RequestRefused(404, "not_recorded", "The capture is not recorded, so there is no picture of it.")
    return str(reference["uri"]), str(reference["hash"])


class _Drawing:
    """One picture, drawn in a thread. It is not interrupted: `give_up` lets it end before its next frame."""

    def __init__(self, read: Reader, digest: str, capture_id: str, draw: Draw) -> None:
        self._read = read
        self._digest = digest
        self._capture_id = capture_id
        self._draw_it = draw
        self._given_up = threading.Event()

    def give_up(self) -> None:
        """The picture is not wanted any more."""
        self._given_up.set()

    async def drawn(self) -> bytes:
        """The picture's bytes; the thread has ended when this has, however it ends."""
        thread = asyncio.ensure_future(asyncio.to_thread(self._draw))
        try:
            return await asyncio.shield(thread)
        except asyncio.CancelledError:
            self.give_up()
            await asyncio.wait({thread})
            raise
        except ArtifactError as error:
            raise _refusal(error, self._capture_id) from error

    def _check(self) -> None:
        if self._given_up.is_set():
            raise NotWanted

    def _draw(self) -> bytes:
        self._check()
        data = self._read()
        if "sha256:" + hashlib.sha256(data).hexdigest() != self._digest:
            raise ArtifactError("the artifact is not the one that was recorded: its hash differs")
        recorded = read_artifact(data)
        try:
            return self._draw_it(recorded, self._check)
        except NotWanted:
            raise
        except Exception as error:  # Pillow raises what it likes at numbers that no camera makes
            raise ArtifactError("the artifact cannot be drawn") from error


def _refusal(error: ArtifactError, capture_id: str) -> RequestRefused:
    if isinstance(error, ArtifactElsewhere):
        detail = "The capture's file is not where this server looks, so it cannot be drawn here."
        return RequestRefused(404, "artifact_elsewhere", detail)
    if isinstance(error, ArtifactMissing):
        return RequestRefused(404, "artifact_missing", "The capture's file is no longer there.")
    if isinstance(error, ArtifactStoreError):
        log.warning("capture not drawn", capture_id=capture_id, detail=str(error))
        detail = "The store of the captures' files does not answer; try again later."
        return RequestRefused(503, "artifact_store_unavailable", detail)
    log.error("capture not drawn", capture_id=capture_id, exc_info=error)
    detail = "The capture's file cannot be read, or is not the one that was recorded; `a3cp verify` says more."
    return RequestRefused(500, "artifact_unreadable", detail)


def _sheet(recorded: Recorded, check: Check) -> bytes:
    from gateway.preview.sheet import contact_sheet  # Pillow is loaded for the first picture, not for each start

    return contact_sheet(recorded, check=check)


def _animation(recorded: Recorded, check: Check) -> bytes:
    from gateway.preview.animation import animation

    return animation(recorded, check=check)
