"""Send ``capture.progress`` messages to a client that asked for them."""

from __future__ import annotations

import asyncio

from starlette.websockets import WebSocket, WebSocketDisconnect

from contracts.messages.capture import CaptureProgress
from contracts.rules.limits import CaptureLimits
from contracts.state.captures import Watch

__all__ = ["HEARTBEAT_S", "ProgressSender", "progress_of"]

HEARTBEAT_S = 1.0
"""The longest time between two messages, in seconds. A client that gets none for several of these can assume that the
gateway does not answer."""


def progress_of(capture_id: str, seen: Watch, limits: CaptureLimits) -> CaptureProgress:
    """The progress message for a capture in the state ``seen``."""
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
    """Sends a message when the progress changes, and at least once a second. While a client has not read the last
    message, later ones are skipped."""

    def __init__(self, websocket: WebSocket, capture_id: str) -> None:
        self._websocket = websocket
        self._capture_id = capture_id
        self._last: CaptureProgress | None = None
        self._sent_at = 0.0
        self._sending: asyncio.Task[None] | None = None

    def show(self, seen: Watch, limits: CaptureLimits, now: float) -> None:
        """Send the progress, unless the same was sent within the last second, or the client has not read the last
        message. ``now`` is in seconds of a monotonic clock."""
        progress = progress_of(self._capture_id, seen, limits)
        known = progress == self._last and now - self._sent_at < HEARTBEAT_S
        if known or (self._sending is not None and not self._sending.done()):
            return
        self._last, self._sent_at = progress, now
        self._sending = asyncio.create_task(self._send(progress.model_dump_json()))

    async def _send(self, text: str) -> None:
        try:
            await self._websocket.send_text(text)
        except (WebSocketDisconnect, RuntimeError, OSError):
            return

    async def stop(self) -> None:
        """Stop sending; a message that is being sent is cancelled."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
