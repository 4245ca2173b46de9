"""``GET /captures/{capture_id}/preview.png`` and ``animation.gif`` beside it: a recorded capture's landmarks, drawn.
``GET /library/captures/{capture_id}/motion``: the same, to be drawn by a page."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.messages.motion import MotionQuery
from contracts.process.logs import get_logger
from contracts.rules.errors import (
    ArtifactElsewhere,
    ArtifactError,
    ArtifactMissing,
    ArtifactStoreError,
    RequestRefused,
)
from gateway.access.guard import own_people
from gateway.http.requests import query_parameters, validated
from gateway.library.library import Library
from gateway.library.reader import CatalogCapture
from gateway.library.recorded import kept_capture
from gateway.preview.artifact import Recorded, read_artifact
from gateway.preview.motion import motion_json
from gateway.preview.turns import Turn, Turns
from gateway.state import GatewayState

__all__ = ["Check", "Draw", "NotWanted", "Reader", "preview_routes"]

log = get_logger()

Reader = Callable[[str], bytes]
"""Reads an artifact by its ``uri``."""

Check = Callable[[], None]
"""Raises `NotWanted` if the client has disconnected."""

Draw = Callable[[Recorded, Check], bytes]
"""Draws one kind of picture. Returns the bytes of the answer."""


class NotWanted(Exception):
    """The client has disconnected, so its picture is no longer needed."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of answer: how it is drawn, and how long that takes."""

    draw: Draw
    media_type: str
    is_moving: bool = False


def preview_routes() -> list[Route]:
    """The routes of the pictures, and of the points that pages draw. All are drawn in the same turns."""
    turns = Turns()

    def picture(name: str, kind: _Kind) -> Route:
        async def show(request: Request) -> Response:
            return await _answer(request, turns, kind)

        return Route(f"/captures/{{capture_id}}/{name}", show, methods=["GET"])

    async def motion(request: Request) -> Response:
        query = validated(MotionQuery, query_parameters(request))
        return await _answer(request, turns, _Kind(partial(motion_json, query.detail), "application/json"))

    return [
        picture("preview.png", _Kind(_sheet, "image/png")),
        picture("animation.gif", _Kind(_animation, "image/gif", is_moving=True)),
        Route("/library/captures/{capture_id}/motion", motion, methods=["GET"]),
    ]


async def _answer(request: Request, turns: Turns, kind: _Kind) -> Response:
    """Draw a capture when it is the request's turn, if it is kept before and afterwards."""
    state: GatewayState = request.app.state.gateway
    library: Library = request.app.state.library
    keep = partial(kept_capture, library, state.events, people=own_people(request))
    found = await keep(request.path_params["capture_id"])
    peer = request.client.host if request.client else ""
    turn = turns.join(peer, found.capture_id, is_moving=kind.is_moving)
    try:
        drawn = await _draw_unless_disconnected(request, turn, _Drawing(state.artifacts.read, found, kind.draw))
    except NotWanted:
        return Response(status_code=204)  # no client is there to read it
    except RequestRefused:
        await keep(found.capture_id)  # if it was erased meanwhile, that is the reason
        raise
    finally:
        turns.leave(turn)
    await keep(found.capture_id)  # waiting for the turn may have taken long
    return Response(drawn, headers={"Cache-Control": "no-store"}, media_type=kind.media_type)


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


class _Drawing:
    """Draws one picture in a thread. A thread cannot be interrupted; `give_up` ends it before its next frame."""

    def __init__(self, read: Reader, capture: CatalogCapture, draw: Draw) -> None:
        self._read = read
        self._capture = capture
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
            raise _refusal(error, self._capture.capture_id) from error

    def _check(self) -> None:
        if self._given_up.is_set():
            raise NotWanted

    def _draw(self) -> bytes:
        self._check()
        data = self._read(self._capture.reference["uri"])
        if "sha256:" + hashlib.sha256(data).hexdigest() != self._capture.reference["hash"]:
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
