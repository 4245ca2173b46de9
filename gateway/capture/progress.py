"""Progress messages for a client that asked for them."""

from __future__ import annotations

import asyncio

from starlette.websockets import WebSocket, WebSocketDisconnect

from contracts.capture import CaptureProgress
from contracts.captures import Watch
from contracts.limits import CaptureLimits

__all__ = ["ProgressSender", "progress_of"]


def progress_of(capture_id: str, seen: Watch, limits: CaptureLimits) -> CaptureProgress:
    """What the client is told of a capture that is as far as ``seen``."""
    return CaptureProgress(
        capture_id=capture_id,
        status="extracting" if seen.claimed else "waiting",
        accepted=seen.accepted,
        extracted=seen.extracted,
        backlog=seen.backlog_frames,
        slow_down=seen.over_half(limits),
        found=seen.found,
    )


class ProgressSender:
    """Sends what changed. While a client has not taken the last message, later ones are skipped."""

    def __init__(self, websocket: WebSocket, capture_id: str) -> None:
        self._websocket = websocket
        self._capture_id = capture_id
        self._last: CaptureProgress | None = None
        self._sending: asyncio.Task[None] | None = None

    def show(self, seen: Watch, limits: CaptureLimits) -> None:
        """Send what ``seen`` says, unless the client knows it or is still busy with the last message."""
        progress = progress_of(self._capture_id, seen, limits)
        if progress == self._last or (self._sending is not None and not self._sending.done()):
            return
        self._last = progress
        self._sending = asyncio.create_task(self._send(progress.model_dump_json()))

    async def _send(self, text: str) -> None:
        try:
            await self._websocket.send_text(text)
        except (WebSocketDisconnect, RuntimeError, OSError):
            return

    async def stop(self) -> None:
        """No message follows."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
