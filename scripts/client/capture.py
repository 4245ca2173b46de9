"""One capture on its way through the capture WebSocket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from types import TracebackType
from typing import Self

import websockets
from pydantic import BaseModel
from websockets.asyncio.client import ClientConnection

from scripts.client.connection import Connection, parsed
from scripts.client.errors import CaptureStalled, GatewayAway, UsageError
from scripts.client.frames import Frame, Jpeg, capture_frame, frame_parts
from scripts.client.heard import MESSAGE, PROGRESS
from scripts.client.outcome import CaptureAborted, CaptureOutcome
from scripts.client.pace import Pace, StreamState
from scripts.client.window import CameraClock, When, Window

__all__ = ["PATH", "Capture", "OnProgress"]

PATH = "/camera_feed_worker/capture"

OnProgress = Callable[[StreamState], None]
Settled = Callable[[str], Awaitable[CaptureOutcome]]

OPEN_WITHIN_S = 30.0
CLOSE_WITHIN_S = 90.0
"""The gateway may wait for room, a minute at most, before it closes."""

READY_WITHIN_S = 55.0
"""The gateway waits a minute for an extractor, and then ends a capture from which no frame comes."""

LOOK_AGAIN_S = 0.5
"""The patience rule depends on the time, and on nothing that comes."""


class Capture:
    """One capture, made by `Session.capture`. An async context manager: leaving the block closes the capture and waits
    until it is recorded; an exception in it gives the capture up.

    Every method but `send_all` may be repeated. `send` takes one frame at a time; others wait for their turn.
    """

    def __init__(
        self,
        connection: Connection,
        window: Window,
        settled: Settled,
        on_progress: OnProgress | None,
        pace: Pace | None,
        camera: bool = False,
    ) -> None:
        self._connection = connection
        self._window = window
        self._settled = settled
        self._show = on_progress or (lambda _: None)
        self._pace = pace or Pace()
        self._camera = CameraClock() if camera else None
        self._exits = AsyncExitStack()
        self._socket: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None
        self._turns = asyncio.Lock()
        self._changed = asyncio.Event()
        self._state = StreamState()
        self._outcome: CaptureOutcome | None = None
        self._error_code = ""
        self._broken = ""
        self._given_up = False
        self._completed = False
        self._opened_at = self._first_at = self._sent_at = self._closed_at = 0.0

    @property
    def capture_id(self) -> str:
        """By which the gateway can be asked for it."""
        return self._window.open.capture_id

    @property
    def record_id(self) -> str:
        """By which its artifact and its line in the log are named."""
        return self._window.open.record_id

    @property
    def state(self) -> StreamState:
        """How far it is."""
        return self._state

    async def __aenter__(self) -> Self:
        """Open the capture; returns when the gateway has taken it, and for a camera when an extractor has time for it.

        Raises:
            CaptureAborted: it has not, as ``session_closed`` or ``duplicate_capture``.
            CaptureStalled: no extractor has had time for a camera's frames for nearly a minute.
            GatewayAway: it does not answer.
        """
        if self._socket is not None:
            raise UsageError("a capture is opened once: make another one")
        try:
            self._socket = await self._exits.enter_async_context(self._connection.socket(PATH))
            self._reading = asyncio.create_task(self._read(self._socket))
            self._opened_at = self._first_at = self._sent_at = time.monotonic()
            await self._tell(self._window.open)
            async with asyncio.timeout(OPEN_WITHIN_S):
                await self._until(lambda: self._state.progress is not None)
            if self._camera is not None:
                await self.ready()
        except TimeoutError:
            await self._leave()
            raise self._connection.lost(f"the capture was not answered within {OPEN_WITHIN_S:g} s") from None
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is not None:
                await self.abort()
            elif not self._state.closed and not self._given_up:
                await self.finish()
        finally:
            await self._leave()

    # --- sending ------------------------------------------------------------------------------------

    async def ready(self) -> None:
        """Return when an extractor has the capture and a frame may be sent at once. A program that waits here, before
        it takes a picture, sends no old picture; one that waits in `send` may.

        Raises:
            CaptureAborted: the gateway has ended the capture.
            CaptureStalled: no extractor has had time for nearly a minute.
            GatewayAway: the connection was lost.
        """
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                await self._until(lambda: not self._state.waiting and self._may_send())
        except TimeoutError:
            raise CaptureStalled(self.capture_id, "waiting") from None

    async def send(self, jpeg: Jpeg, when: When | None = None) -> None:
        """Wait until the gateway has room for one more frame, then send it. The caller need not sleep.

        ``when`` is the frame's event time; if None, as many frames after the start as the rate says, and for a camera
        the time of this call, whatever the frame has to wait for. Returns when the frame is on its way, not when it has
        arrived.

        Raises:
            CaptureAborted: the gateway has ended the capture.
            GatewayAway: the connection was lost; the capture will be aborted.
            UsageError: there is no frame, or its time is before the last one's.
        """
        taken_s = time.monotonic()
        payload = capture_frame(jpeg, self._window.open.width, self._window.open.height)
        async with self._turns:
            await self._until(self._may_send)
            if when is None and self._camera is not None:
                when = self._camera.offset(taken_s)
            meta = self._window.frame(when, len(payload))
            self._broken = "a frame was cut off in the middle"  # unless both messages go
            await self._tell(meta, payload)
            self._broken = ""
            self._sent_at = time.monotonic()
            self._first_at = self._sent_at if self._window.frames == 1 else self._first_at
            self._update(replace(self._state, sent=self._window.frames))

    async def send_all(self, frames: Iterable[Frame] | AsyncIterable[Frame]) -> None:
        """Send every frame: JPEGs, or pairs of a JPEG and its time. A plain iterable is read in a thread, so that it
        may wait for a camera.

        Raises:
            as `send`; and what the iterable raises.
        """
        if isinstance(frames, AsyncIterable):
            async for frame in frames:
                await self.send(*frame_parts(frame))
            return
        iterator = iter(frames)
        while (following := await asyncio.to_thread(next, iterator, None)) is not None:
            await self.send(*frame_parts(following))

    # --- its end ------------------------------------------------------------------------------------

    async def close(self, when: When | None = None) -> None:
        """Tell the gateway that no frame follows. Returns when the brokers have every frame: they are extracted even if
        the gateway dies. The caller may then leave the block without waiting and call `finish` later.

        ``when`` is the event time of the end; if None, the last frame is shown for its time too.

        Raises:
            UsageError: no frame was sent.
            CaptureAborted: the gateway has ended the capture, for one because it was too short.
            GatewayAway: the connection was lost before the gateway said so.
        """
        async with self._turns:
            if not self._state.closed:
                self._check_going()
                if not self._window.frames:
                    raise UsageError("no frame was sent: there is nothing to record; the capture is given up")
                closing = self._window.close(when)
                self._closed_at = time.monotonic()
                await self._tell(closing)
                self._update(replace(self._state, closed=True))
            await self._read_to_the_end()
        self._check_code()
        if not self._completed:
            raise self._connection.lost("the capture may or may not be complete; `finish` asks for its outcome")

    async def finish(self) -> CaptureOutcome:
        """Close the capture if it is open, and wait until it is recorded.

        Raises:
            CaptureAborted: it was aborted; the code says why.
            CaptureStalled: it gets no further.
            GatewayAway: the gateway is away; `CaptureClient.outcome` may be asked later.
        """
        if self._outcome is None:
            try:
                await self.close()
            except GatewayAway:
                if not self._state.closed:
                    raise
            outcome = await self._settled(self.capture_id)
            self._outcome = replace(
                outcome,
                stream_s=self._closed_at - self._first_at,
                close_to_recorded_s=time.monotonic() - self._closed_at,
            )
            self._update(replace(self._state, extracted=outcome.extracted))
        return self._outcome.checked()

    async def abort(self) -> None:
        """Give the capture up: nothing of it is kept. One that was closed already goes its way."""
        self._given_up = True
        if not self._state.closed and not self._error_code:
            self._error_code = "client_disconnected"
        await self._leave()

    async def _leave(self) -> None:
        self._changed.set()
        try:
            await self._exits.aclose()  # closes the socket, which ends the reading
        finally:
            if self._reading is not None:
                self._reading.cancel()

    # --- the socket ---------------------------------------------------------------------------------

    def _may_send(self) -> bool:
        now = time.monotonic()
        return self._pace.allows(self._state, waited_s=now - self._opened_at, since_sent_s=now - self._sent_at)

    async def _until(self, condition: Callable[[], bool]) -> None:
        """Wait while the capture goes on."""
        while True:
            self._check_going()
            if condition():
                return
            self._changed.clear()
            try:
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _tell(self, message: BaseModel, payload: bytes | None = None) -> None:
        assert self._socket is not None
        try:
            await self._socket.send(message.model_dump_json(exclude_none=True))
            if payload is not None:
                await self._socket.send(payload)
        except websockets.exceptions.ConnectionClosed:
            await self._read_to_the_end()  # the reason may be among what has come
            self._check_code()
            raise self._lost() from None

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for text in socket:
                message = parsed(MESSAGE, text)
                if message.event == "capture.progress":
                    progress = parsed(PROGRESS, text)
                    self._update(replace(self._state, extracted=progress.extracted, progress=progress))
                elif message.event == "capture.abort":
                    self._error_code = self._error_code or message.error_code
        except websockets.exceptions.ConnectionClosed:
            pass
        finally:
            received = socket.protocol.close_rcvd
            self._error_code = self._error_code or (received.reason if received is not None else "")
            self._completed = received is not None and received.code == 1000 and not self._error_code
            self._changed.set()

    async def _read_to_the_end(self) -> None:
        assert self._reading is not None
        try:
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await asyncio.shield(self._reading)
        except TimeoutError:
            raise self._connection.lost(f"the capture was not closed within {CLOSE_WITHIN_S:g} s") from None

    def _update(self, state: StreamState) -> None:
        self._state = state
        self._changed.set()
        self._show(state)

    # --- whether it goes on -------------------------------------------------------------------------

    def _check_going(self) -> None:
        if self._reading is None:
            raise UsageError("the capture is not open: `async with` opens it, `with` for the other client")
        self._check_code()
        if self._state.closed:
            raise UsageError("the capture is closed: make another one")
        if self._reading.done():
            if not self._reading.cancelled() and (error := self._reading.exception()) is not None:
                raise error
            raise self._lost()
        if self._broken:
            raise UsageError(f"{self._broken}: the capture cannot go on; make another one")

    def _check_code(self) -> None:
        if self._error_code:
            raise CaptureAborted(self._aborted())

    def _lost(self) -> GatewayAway:
        return self._connection.lost(f"the capture ends after {self._window.frames} frames; send it again as a new one")

    def _aborted(self) -> CaptureOutcome:
        said, opened = self._state.progress, self._window.open
        return CaptureOutcome(
            user_id=opened.user_id,
            session_id=opened.session_id,
            capture_id=opened.capture_id,
            record_id=opened.record_id,
            status="aborted",
            error_code=self._error_code,
            accepted=said.accepted if said else 0,
            extracted=said.extracted if said else 0,
        )
