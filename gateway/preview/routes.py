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
"""Raises `NotWanted` if the client has disconnected."""

Draw = Callable[[Recorded, Check], bytes]
"""Draws one kind of picture. Returns the bytes of its file."""


class NotWanted(Exception):
    """The client has disconnected, so its picture is no longer needed."""


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
                drawn = await _draw_unless_disconnected(request, turn, drawing)
            except NotWanted:
                return Response(status_code=204)  # no client is there to read it
            finally:
                turns.leave(turn)
            return Response(drawn, headers={"Cache-Control": "no-store"}, media_type=media_type)

        return Route(f"/captures/{{capture_id}}/{name}", picture, methods=["GET"])

    return [
        route("preview.png", _sheet, "image/png", is_moving=False),
        route("animation.gif", _animation, "image/gif", is_moving=True),
    ]


async def _draw_unless_disconnected(request: Request, turn: Turn, drawing: _Drawing) -> bytes:
    """Wait for the request's turn, then draw. Stop if the client disconnects.

    Raises:
        NotWanted: the client has disconnected.
    """
    gone = asyncio.create_task(_wait_for_disconnect(request))
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


async def _wait_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _artifact_of(record: CaptureRecord) -> tuple[str, str]:
    """The artifact's URI and hash."""
    reference = record.raw_features_ref()
    if reference is None or record.status(claimed=False) != "recorded":
        raise RequestRefused(404, "not_recorded", "There is no picture, because the capture is not recorded.")
    return str(reference["uri"]), str(reference["hash"])


class _Drawing:
    """Draws one picture in a thread. A thread cannot be interrupted; `give_up` ends it before its next frame."""

    def __init__(self, read: Reader, digest: str, capture_id: str, draw: Draw) -> None:
        self._read = read
        self._digest = digest
        self._capture_id = capture_id
        self._draw_it = draw
        self._given_up = threading.Event()

    def give_up(self) -> None:
        """End the drawing before its next frame."""
        self._given_up.set()

    async def drawn(self) -> bytes:
        """Draw, and return the picture's bytes. The thread has always ended when this returns or raises."""
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
        except Exception as error:  # Pillow raises many kinds of errors for numbers that no camera produces
            raise ArtifactError("the artifact cannot be drawn") from error


def _refusal(error: ArtifactError, capture_id: str) -> RequestRefused:
    if isinstance(error, ArtifactElsewhere):
        detail = "This server cannot draw the capture, because its file is in another place."
        return RequestRefused(404, "artifact_elsewhere", detail)
    if isinstance(error, ArtifactMissing):
        return RequestRefused(404, "artifact_missing", "The capture's file no longer exists.")
    if isinstance(error, ArtifactStoreError):
        log.warning("cannot draw a capture", capture_id=capture_id, detail=str(error))
        detail = "The object store with the capture's file does not answer; try again later."
        return RequestRefused(503, "artifact_store_unavailable", detail)
    log.error("cannot draw a capture", capture_id=capture_id, exc_info=error)
    detail = "The capture's file cannot be read, or is not the one that was recorded; run `a3cp verify`."
    return RequestRefused(500, "artifact_unreadable", detail)


def _sheet(recorded: Recorded, check: Check) -> bytes:
    from gateway.preview.sheet import contact_sheet  # here, so that Pillow does not delay the start

    return contact_sheet(recorded, check=check)


def _animation(recorded: Recorded, check: Check) -> bytes:
    from gateway.preview.animation import animation

    return animation(recorded, check=check)
