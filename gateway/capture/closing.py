"""The end of a capture socket: why it was lost, and the last messages to its client, each with a timeout."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime

from starlette.websockets import WebSocket, WebSocketDisconnect

from contracts.messages.capture import CaptureAbort, CaptureOpen
from contracts.rules.codes import CaptureCode
from contracts.rules.errors import CaptureError
from contracts.rules.ids import SCHEMA_VERSION
from gateway.server.extensions import ServerEnd

__all__ = ["abort_text", "close_socket", "send_abort", "why_disconnected"]

SEND_WITHIN_S = 2.0


def abort_text(opened: CaptureOpen, code: CaptureCode) -> str:
    """The ``capture.abort`` message as JSON. ``opened`` is the capture's ``capture.open`` message."""
    abort = CaptureAbort(
        schema_version=SCHEMA_VERSION,
        record_id=opened.record_id,
        user_id=opened.user_id,
        session_id=opened.session_id,
        timestamp=datetime.now(UTC),
        capture_id=opened.capture_id,
        error_code=code,  # type: ignore[arg-type]
    )
    return abort.model_dump_json(exclude_none=True)


async def send_abort(websocket: WebSocket, text: str) -> None:
    """Send a ``capture.abort`` message."""
    await _send_or_give_up(websocket.send_text(text))


async def close_socket(websocket: WebSocket, code: int, reason: str = "") -> None:
    """Send the close frame."""
    await _send_or_give_up(websocket.close(code, reason))


def why_disconnected(end: ServerEnd | None, code: int, *, reserved: bool) -> Exception:
    """The error for a ``websocket.disconnect`` message. ``end`` says why the server ended the connection, if it did;
    ``reserved`` whether the connection has a capture."""
    match end:
        case None:
            return WebSocketDisconnect(code)
        case "too_long":  # the server has closed the socket already
            return CaptureError("protocol_violation", "a message is longer than the limit")
        case "too_slow":
            return CaptureError("protocol_violation", "a message was not completed in time")
        case "no_room":
            no_room: CaptureCode = "limit_forward_buffer_exceeded" if reserved else "too_many_captures"
            return CaptureError(no_room, "unfinished messages hold too much memory")


async def _send_or_give_up(step: Coroutine[None, None, None]) -> None:
    """Send with a timeout; ignore a client that is slow or disconnected."""
    try:
        async with asyncio.timeout(SEND_WITHIN_S):
            await step
    except (TimeoutError, WebSocketDisconnect, RuntimeError, OSError):
        return
