"""A capture that is sent again if the connection is lost: ``Session.capture(…, resend=True)``."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Self

from pydantic import TypeAdapter

from contracts.messages.http import ClientLimits
from contracts.rules.limits import CaptureLimits
from scripts.client.capture import Capture
from scripts.client.capture_socket import OnProgress
from scripts.client.connection import Connection, answered
from scripts.client.delivery import Asking, Delivery, MakeWindow
from scripts.client.errors import ClientError, GatewayAway, GatewayRefused
from scripts.client.frames import Jpeg, capture_frame
from scripts.client.outcome import CaptureAborted, CaptureOutcome
from scripts.client.pace import Pace, StreamState
from scripts.client.take import Take, is_loss
from scripts.client.window import When, Window

__all__ = ["ResendingCapture"]

OPEN_WITHIN_S = 15.0
"""How long entering the block tries to open the capture; before that there is no take that could be lost."""

_LIMITS = TypeAdapter(ClientLimits)


class ResendingCapture(Capture):
    """A `Capture` that keeps its frames in memory until it is recorded. It is the take's first attempt itself; if the
    connection is lost, a task sends the take in further attempts (`scripts.client.delivery`), and `send` keeps what is
    still recorded.
    """

    def __init__(
        self,
        connection: Connection,
        window: Window,
        make_window: MakeWindow,
        asking: Asking,
        on_progress: OnProgress | None,
        pace: Pace | None,
        camera: bool,
    ) -> None:
        super().__init__(connection, window, asking.wait, on_progress, pace, camera)
        self._on_progress = on_progress
        self._take = Take(ClientLimits.of(CaptureLimits()))
        self._keeping = asyncio.Lock()

        def attempt(window: Window) -> Capture:
            return Capture(connection, window, asking.wait, on_progress, pace)

        self._delivery = Delivery(self._take, window, asking, make_window, attempt)
        self._delivering: asyncio.Task[CaptureOutcome] | None = None

    @property
    def capture_id(self) -> str:
        """The id of the attempt that is under way, or that was recorded. It changes when the take is sent again."""
        return self._delivery.window.open.capture_id

    @property
    def record_id(self) -> str:
        """The id that names the artifact, if this attempt is recorded."""
        return self._delivery.window.open.record_id

    @property
    def state(self) -> StreamState:
        """The progress of the attempt that is under way."""
        attempt = self._delivery.attempt
        return attempt.state if attempt is not None else self._socket.state

    async def __aenter__(self) -> Self:
        """Open the capture; if the connection is lost, try again for 15 s.

        Raises:
            The errors of `Capture.__aenter__`.
        """
        self._socket.check_unused()
        with suppress(GatewayAway, GatewayRefused):  # without an answer the default limits hold
            answer = await self._connection.ask("GET", "/camera_feed_worker/limits")
            self._take.limits = answered(answer, _LIMITS)
        try:
            await super().__aenter__()
        except (GatewayAway, GatewayRefused, CaptureAborted) as error:
            await self._opened_again(error, self._send_again(error))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is not None:
                await self.abort()
            elif self._take.end is None and not self._given_up:
                await self.finish()
        finally:
            await self._socket.disconnect()

    async def ready(self) -> None:
        """`Capture.ready`; if the connection is lost, return at once."""
        if self._delivering is None:
            try:
                await super().ready()
            except (GatewayAway, CaptureAborted) as error:
                self._send_again(error)

    async def send(self, jpeg: Jpeg, when: When | None = None) -> None:
        """Keep a frame, and send it as `Capture.send` does. If the connection was lost, return at once.

        Raises:
            CaptureAborted: the gateway has ended the capture, for a reason that another attempt would not change.
            GatewayAway: the gateway did not answer for five minutes.
            UsageError: the bytes are no such frame, its time is before the last frame's, or the take is full.
        """
        taken_s = time.monotonic()
        payload = capture_frame(jpeg, self._window.open.width, self._window.open.height)
        async with self._keeping:
            if when is None and self._camera is not None:
                when = self._camera.offset(taken_s)
            self._take.check_room(len(payload))
            if self._delivering is None:
                try:
                    await super().send(payload, when)
                except (GatewayAway, CaptureAborted) as error:
                    self._send_again(error)
            elif self._delivering.done():
                self._delivering.result()
            if self._window.frames == len(self._take.frames):  # the connection was lost before it was announced
                self._window.frame(when, len(payload))
            self._take.add(self._window.last, payload)
            self._delivery.more.set()

    async def close(self, when: When | None = None) -> None:
        """`Capture.close`; if the connection is lost, return when the take is recorded.

        Raises:
            The errors of `Capture.close`, and of `send`.
        """
        async with self._keeping:
            if self._take.end is None and not self._given_up:
                self._window.check_frames()
                self._take.end = self._window.close(when).timestamp_end
                self._delivery.more.set()
            if self._delivering is None:
                try:
                    await super().close(self._take.end)
                except (GatewayAway, CaptureAborted) as error:
                    self._send_again(error)
        if self._delivering is not None:
            await asyncio.shield(self._delivering)

    async def finish(self) -> CaptureOutcome:
        """Close the capture if it is open, and wait until the take is recorded.

        Raises:
            CaptureAborted: it was aborted, for a reason that another attempt would not change.
            CaptureStalled: it has made no progress for two minutes; it may still be recorded.
            GatewayAway: the gateway did not answer for five minutes.
        """
        if self._given_up:
            return await super().finish()
        if self._outcome is None:
            await self.close()
            try:
                if self._delivering is None:
                    await super().finish()
            except (GatewayAway, GatewayRefused, CaptureAborted) as error:
                self._send_again(error)
            if self._delivering is not None:
                self._outcome = await asyncio.shield(self._delivering)
        self._take.forget()
        assert self._outcome is not None
        return self._outcome.checked()

    async def abort(self) -> None:
        """`Capture.abort`, of each attempt."""
        if self._delivering is not None and not self._delivering.done():
            self._delivering.cancel()
            await asyncio.wait({self._delivering})
            self._delivering = None
        await super().abort()

    def _send_again(self, error: ClientError) -> asyncio.Task[CaptureOutcome]:
        """Begin to send the take again after this error of the first attempt, or raise it."""
        if self._given_up or not is_loss(error):
            raise error
        self._outcome = None
        self._delivering = asyncio.create_task(self._deliver())
        # the program may never ask for the outcome
        self._delivering.add_done_callback(lambda task: task.cancelled() or task.exception())
        if self._on_progress is not None:
            self._on_progress(replace(self.state, lost=True))
        return self._delivering

    async def _deliver(self) -> CaptureOutcome:
        await self._socket.disconnect()
        return await self._delivery.run()

    async def _opened_again(self, error: ClientError, delivering: asyncio.Task[CaptureOutcome]) -> None:
        """Return when a further attempt is open; if none is after 15 s, raise the first attempt's error."""
        opened = asyncio.create_task(self._delivery.opened.wait())
        await asyncio.wait({opened, delivering}, timeout=OPEN_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        opened.cancel()
        if delivering.done():
            delivering.result()
        if not self._delivery.opened.is_set():
            await self.abort()
            raise error
