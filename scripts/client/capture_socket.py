"""A capture's WebSocket: what the client sends on it, and what the gateway has reported on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace

import websockets
from pydantic import BaseModel, TypeAdapter
from websockets.asyncio.client import ClientConnection

from contracts.messages.base import StrictModel
from contracts.messages.public import CaptureProgress, FrameMeta
from scripts.client.connection import Connection, parsed
from scripts.client.errors import GatewayAway, UsageError
from scripts.client.outcome import CaptureAborted, CaptureOutcome
from scripts.client.pace import StreamState
from scripts.client.window import Window

__all__ = ["PATH", "CaptureSocket", "OnProgress"]

PATH = "/camera_feed_worker/capture"

OnProgress = Callable[[StreamState], None]

OPEN_WITHIN_S = 30.0
CLOSE_WITHIN_S = 90.0
"""Before it closes, the gateway may wait a minute for room in the broker."""

LOOK_AGAIN_S = 0.5
"""How often a waiting call looks at its condition without a message: `Pace.patience_s` depends on the time alone."""


class _Message(StrictModel):
    """The fields of any gateway message that the client needs to tell its kind. A newer gateway may send other kinds
    and codes."""

    event: str
    error_code: str = ""


_message = TypeAdapter(_Message)
_progress = TypeAdapter(CaptureProgress)


class CaptureSocket:
    """The WebSocket of one capture. A task reads the gateway's messages and wakes the calls of `wait_until`.

    Attributes:
        state: how many frames were sent, and the gateway's last ``capture.progress``.
        completed: whether the gateway closed the connection with 1000: the brokers have the whole capture.
    """

    def __init__(self, connection: Connection, window: Window, on_progress: OnProgress | None) -> None:
        self.state = StreamState()
        self.completed = False
        self._connection = connection
        self._window = window
        self._on_progress = on_progress or (lambda _: None)
        self._exits = AsyncExitStack()
        self._websocket: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._error_code = ""
        self._half_sent = False

    async def connect(self) -> None:
        """Connect, and start to read.

        Raises:
            GatewayAway, GatewayRefused: the connection cannot be made.
            UsageError: it was made before.
        """
        self.check_unused()
        self._websocket = await self._exits.enter_async_context(self._connection.socket(PATH))
        self._reading = asyncio.create_task(self._read(self._websocket))

    async def open(self) -> None:
        """Send ``capture.open``, and wait for the gateway's first progress message.

        Raises:
            CaptureAborted: the gateway refused the capture.
            GatewayAway: the gateway does not answer within 30 s, or the connection was lost.
        """
        await self.send(self._window.open)
        try:
            async with asyncio.timeout(OPEN_WITHIN_S):
                await self.wait_until(lambda: self.state.progress is not None)
        except TimeoutError:
            raise self._connection.lost(f"the capture was not answered within {OPEN_WITHIN_S:g} s") from None

    async def send_frame(self, meta: FrameMeta, payload: bytes) -> None:
        """Send a frame: its announcement, then its bytes. If this is cancelled between the two, the capture cannot go
        on: the gateway would read the next message as the frame's bytes."""
        self._half_sent = True
        await self.send(meta, payload)
        self._half_sent = False

    async def send(self, message: BaseModel, payload: bytes | None = None) -> None:
        """Send a message, and the bytes that belong to it.

        Raises:
            CaptureAborted: the gateway has ended the capture.
            GatewayAway: the connection was lost.
        """
        assert self._websocket is not None
        try:
            await self._websocket.send(message.model_dump_json(exclude_none=True))
            if payload is not None:
                await self._websocket.send(payload)
        except websockets.exceptions.ConnectionClosed:
            await self.read_to_the_end()  # a message that is not read yet may give the reason
            self.check_not_aborted()
            raise self._lost() from None

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds; it is checked after each message, and twice a second.

        Raises:
            CaptureAborted, GatewayAway, UsageError: the capture cannot go on.
        """
        while True:
            self.check_open()
            if condition():
                return
            self._changed.clear()
            try:
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def read_to_the_end(self) -> None:
        """Read until the gateway closes the connection.

        Raises:
            GatewayAway: it has not done so after 90 s.
        """
        assert self._reading is not None
        try:
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await asyncio.shield(self._reading)
        except TimeoutError:
            raise self._connection.lost(f"the capture was not closed within {CLOSE_WITHIN_S:g} s") from None

    def update(self, state: StreamState) -> None:
        """Replace the state, wake the calls that wait, and report the state to ``on_progress``."""
        self.state = state
        self._changed.set()
        self._on_progress(state)

    def give_up(self) -> None:
        """Note that the client ends the capture: the gateway will abort it when the connection closes."""
        if not self.state.closed and not self._error_code:
            self._error_code = "client_disconnected"

    async def disconnect(self) -> None:
        """Close the connection, and end the reading. It may be repeated."""
        self._changed.set()
        try:
            await self._exits.aclose()
        finally:
            if self._reading is not None:
                self._reading.cancel()

    def check_unused(self) -> None:
        """Raise `UsageError` if the capture was opened before."""
        if self._websocket is not None:
            raise UsageError("a capture is opened once: make another one")

    def check_open(self) -> None:
        """Check that frames may follow.

        Raises:
            CaptureAborted: the gateway has ended the capture.
            GatewayAway: the connection was lost.
            UsageError: the capture is not open, or is closed, or a frame was sent in part.
            ClientError: the gateway sent a message that is none of A3CP's; or an error that ``on_progress`` raised.
        """
        if self._reading is None:
            raise UsageError("the capture is not open: `async with` opens it, `with` for the other client")
        self.check_not_aborted()
        if self.state.closed:
            raise UsageError("the capture is closed: make another one")
        if self._reading.done():
            if not self._reading.cancelled() and (error := self._reading.exception()) is not None:
                raise error
            raise self._lost()
        if self._half_sent:
            raise UsageError("a frame was cut off in the middle: the capture cannot go on; make another one")

    def check_not_aborted(self) -> None:
        """Raise `CaptureAborted` if the gateway, or the client, has ended the capture."""
        if not self._error_code:
            return
        progress, opened = self.state.progress, self._window.open
        raise CaptureAborted(
            CaptureOutcome(
                user_id=opened.user_id,
                session_id=opened.session_id,
                capture_id=opened.capture_id,
                record_id=opened.record_id,
                status="aborted",
                error_code=self._error_code,
                accepted=progress.accepted if progress else 0,
                extracted=progress.extracted if progress else 0,
            )
        )

    def _lost(self) -> GatewayAway:
        return self._connection.lost(f"the capture ends after {self._window.frames} frames; send it again as a new one")

    async def _read(self, websocket: ClientConnection) -> None:
        try:
            async for text in websocket:
                message = parsed(_message, text)
                if message.event == "capture.progress":
                    progress = parsed(_progress, text)
                    self.update(replace(self.state, extracted=progress.extracted, progress=progress))
                elif message.event == "capture.abort":
                    self._error_code = self._error_code or message.error_code
        except websockets.exceptions.ConnectionClosed:
            pass
        finally:
            received = websocket.protocol.close_rcvd
            # an abort that was lost is also the reason of the close frame
            self._error_code = self._error_code or (received.reason if received is not None else "")
            self.completed = received is not None and received.code == 1000 and not self._error_code
            self._changed.set()
