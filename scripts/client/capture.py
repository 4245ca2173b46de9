"""One capture, as a program sends it: open, send, close, and wait for the outcome."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from dataclasses import replace
from types import TracebackType
from typing import Self

from scripts.client.capture_socket import CaptureSocket, OnProgress
from scripts.client.connection import Connection
from scripts.client.errors import CaptureStalled, GatewayAway
from scripts.client.frames import Frame, Jpeg, capture_frame, frame_parts
from scripts.client.outcome import CaptureOutcome
from scripts.client.pace import Pace, StreamState
from scripts.client.window import CameraClock, When, Window

__all__ = ["Capture", "WaitForOutcome"]

WaitForOutcome = Callable[[str], Awaitable[CaptureOutcome]]
"""`CaptureClient.outcome`: waits until the capture of this id is recorded or aborted."""

READY_WITHIN_S = 55.0
"""Less than the minute after which the gateway ends a capture that waits for an extractor and sends no frame."""


class Capture:
    """One capture, made by `Session.capture`. An async context manager: leaving the block closes the capture and waits
    until it is recorded; if the block raises, the capture is aborted.

    Every method but `send_all` may be repeated. `send` takes one frame at a time; a second task waits until the first
    one's frame is sent.
    """

    def __init__(
        self,
        connection: Connection,
        window: Window,
        wait_for_outcome: WaitForOutcome,
        on_progress: OnProgress | None,
        pace: Pace | None,
        camera: bool = False,
    ) -> None:
        self._connection = connection
        self._window = window
        self._socket = CaptureSocket(connection, window, on_progress)
        self._wait_for_outcome = wait_for_outcome
        self._pace = pace or Pace()
        self._camera = CameraClock() if camera else None
        self._sending = asyncio.Lock()
        self._outcome: CaptureOutcome | None = None
        self._given_up = False
        self._opened_at = self._first_at = self._sent_at = self._closed_at = 0.0

    @property
    def capture_id(self) -> str:
        """The id by which `CaptureClient.outcome` finds the capture."""
        return self._window.open.capture_id

    @property
    def record_id(self) -> str:
        """The id that names the artifact and the line in the session's log."""
        return self._window.open.record_id

    @property
    def state(self) -> StreamState:
        """The capture's progress so far."""
        return self._socket.state

    async def __aenter__(self) -> Self:
        """Open the capture. Returns when the gateway has accepted it, and for a camera when an extractor has it.

        Raises:
            CaptureAborted: the gateway refused it, with a code such as ``session_closed`` or ``duplicate_capture``.
            CaptureStalled: no extractor took a camera's capture within 55 s.
            GatewayAway: the gateway does not answer.
        """
        self._socket.check_unused()
        try:
            await self._socket.connect()
            self._opened_at = self._sent_at = time.monotonic()
            await self._socket.open()
            if self._camera is not None:
                await self.ready()
        except BaseException:
            await self._socket.disconnect()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is not None:
                await self.abort()
            elif not self.state.closed and not self._given_up:
                await self.finish()
        finally:
            await self._socket.disconnect()

    async def ready(self) -> None:
        """Return when an extractor has the capture and a frame may be sent at once. A program that waits here, before
        it takes a picture, sends no old picture; a picture that waits in `send` gets older there.

        Raises:
            CaptureAborted: the gateway has ended the capture.
            CaptureStalled: no extractor took the capture within 55 s.
            GatewayAway: the connection was lost.
        """
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                await self._socket.wait_until(lambda: not self.state.waiting and self._may_send())
        except TimeoutError:
            raise CaptureStalled(self.capture_id, "waiting") from None

    async def send(self, jpeg: Jpeg, when: When | None = None) -> None:
        """Wait until the gateway has room for one more frame, then send it. The caller need not sleep. Returns when
        the frame is written to the connection, not when the gateway has it.

        Args:
            jpeg: the frame, exactly as wide and high as the capture was opened with.
            when: its event time. If None, the n-th frame, counted from 0, is n / fps after the start, and a
                camera's frame is at the time of this call,
                however long the frame then waits.

        Raises:
            CaptureAborted: the gateway has ended the capture.
            GatewayAway: the connection was lost; the gateway will abort the capture.
            UsageError: the bytes are no such frame, or its time is before the last frame's.
        """
        taken_s = time.monotonic()
        payload = capture_frame(jpeg, self._window.open.width, self._window.open.height)
        async with self._sending:
            await self._socket.wait_until(self._may_send)
            if when is None and self._camera is not None:
                when = self._camera.offset(taken_s)
            await self._socket.send_frame(self._window.frame(when, len(payload)), payload)
            self._sent_at = time.monotonic()
            if self._window.frames == 1:
                self._first_at = self._sent_at
            self._socket.update(replace(self.state, sent=self._window.frames))

    async def send_all(self, frames: Iterable[Frame] | AsyncIterable[Frame]) -> None:
        """Send every frame: JPEGs, or pairs of a JPEG and its time. A plain iterable is read in a thread, so that it
        may block while it waits for a camera.

        Raises:
            The errors of `send`, and those of the iterable.
        """
        if isinstance(frames, AsyncIterable):
            async for frame in frames:
                await self.send(*frame_parts(frame))
            return
        iterator = iter(frames)
        while (following := await asyncio.to_thread(next, iterator, None)) is not None:
            await self.send(*frame_parts(following))

    async def close(self, when: When | None = None) -> None:
        """Tell the gateway that no frame follows. Returns when the brokers have every frame: extractors process them
        even if the gateway dies. The caller may then leave the block without waiting and call `finish` later.

        Args:
            when: the event time of the end; if None, 1 / fps after the last frame.

        Raises:
            UsageError: no frame was sent.
            CaptureAborted: the gateway has ended the capture, for example because it was too short.
            GatewayAway: the connection was lost before the gateway confirmed the close.
        """
        async with self._sending:
            if not self.state.closed:
                self._socket.check_open()
                self._window.check_frames()
                closing = self._window.close(when)
                self._closed_at = time.monotonic()
                await self._socket.send(closing)
                self._socket.update(replace(self.state, closed=True))
            await self._socket.read_to_the_end()
        self._socket.check_not_aborted()
        if not self._socket.completed:
            raise self._connection.lost("the capture may or may not be complete; `finish` asks for its outcome")

    async def finish(self) -> CaptureOutcome:
        """Close the capture if it is open, and wait until it is recorded.

        Raises:
            CaptureAborted: it was aborted; the error has the code.
            CaptureStalled: it has made no progress for two minutes.
            GatewayAway: the gateway does not answer; `CaptureClient.outcome` can be called later.
        """
        if self._outcome is None:
            try:
                await self.close()
            except GatewayAway:
                if not self.state.closed:
                    raise
            outcome = await self._wait_for_outcome(self.capture_id)
            self._outcome = replace(
                outcome,
                stream_s=self._closed_at - self._first_at,
                close_to_recorded_s=time.monotonic() - self._closed_at,
            )
            self._socket.update(replace(self.state, extracted=outcome.extracted))
        return self._outcome.checked()

    async def abort(self) -> None:
        """Disconnect, so that the gateway aborts the capture and keeps nothing of it. After `close` this only
        disconnects: the capture is still extracted and recorded."""
        self._given_up = True
        self._socket.give_up()
        await self._socket.disconnect()

    def _may_send(self) -> bool:
        now = time.monotonic()
        return self._pace.allows(self.state, waited_s=now - self._opened_at, since_sent_s=now - self._sent_at)
