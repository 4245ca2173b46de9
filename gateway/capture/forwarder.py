"""The bounded forward queue of one capture, and how it moves into the frame stream."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, cast

from contracts.broker.roles import AsyncBroker, BrokerFull
from contracts.broker.script import Call, begin, read_answer, run
from contracts.process.retry import backoff_s
from contracts.rules.codes import CaptureCode
from contracts.rules.errors import BrokerUnavailable, CaptureError, UnreadableValue
from contracts.rules.limits import CaptureLimits
from contracts.state import captures
from contracts.state.captures import PushReply
from contracts.state.frame import ForwardItem

__all__ = ["Forwarder"]

FULL_RETRY_S = 0.05
STALLED_S = 3.0
"""How long the receive loop waits for room in a queue from which nothing is taken, before it gives up."""

BROKER_AWAY_S = 3.0
"""How long a broker may be away before its captures are given up."""


class Forwarder:
    """At most ``max_forward_buffer_frames`` frames and ``_bytes`` bytes between the socket and the stream.

    The frame on its way to the broker counts. A full queue makes the caller wait a moment, so that a fast client
    feels it in TCP, and a lost answer costs nobody a capture; while the stream is full, it is an error at once.
    """

    def __init__(self, frames: AsyncBroker, limits: CaptureLimits) -> None:
        self._frames = frames
        self._limits = limits
        self._queue: deque[ForwardItem] = deque()
        self._bytes = 0
        self._changed = asyncio.Event()
        self._left = asyncio.Event()
        self._moving = False
        self._sent: asyncio.Future[Any] | None = None
        self._trouble: CaptureCode | None = None
        self._failure: CaptureError | None = None

    def __len__(self) -> int:
        return len(self._queue)

    async def put(self, item: ForwardItem) -> None:
        """Queue a frame; its order is kept.

        Raises:
            CaptureError: ``limit_forward_buffer_exceeded``, or ``forward_failed`` if the broker does not answer.
        """
        if not self._room(item):
            # a timer costs a fifth of asyncio.timeout, and a fast client is here with every frame
            stalled = asyncio.get_running_loop().call_later(STALLED_S, self._stuck, "forward_failed")
            try:
                while not self._room(item) and self._trouble is None:
                    await self._change()
            finally:
                stalled.cancel()
            if not self._room(item):
                code = self._trouble or "limit_forward_buffer_exceeded"
                raise CaptureError(code, "the forward queue is full")
        self._queue.append(item)
        self._bytes += item.byte_length
        if self._moving and len(self._queue) == 1:
            self._send()

    async def flush(self) -> None:
        """Return when every queued frame is in the broker.

        Raises:
            CaptureError: as `run`, which has to be running; or what `give_up` was told.
        """
        while self._queue:
            if self._failure is not None:
                raise self._failure
            await self._change()

    async def run(self) -> None:
        """Have frames moved until cancelled.

        A frame is sent as soon as it comes and nothing is before it, and what came meanwhile when its answer comes: a
        task that waited for either would take two more turns of the event loop for every frame. The task is there for
        every other answer than a plain yes, and asks again.

        Raises:
            CaptureError: the capture is gone (its own code), or the broker is (``forward_failed``).
        """
        self._moving = True
        try:
            while True:
                while self._queue and self._sent is None:
                    await self._push(self._queue[0])
                    self._taken()
                self._left.clear()
                await self._left.wait()
        except CaptureError as error:
            self._failure = error
            self._wake()
            raise
        finally:
            self._moving = False

    def give_up(self, code: CaptureCode) -> None:
        """Whoever waits in `flush` learns that it will not end well."""
        self._failure = self._failure or CaptureError(code, "there is no time left for the last frames")
        self._wake()

    def discard(self) -> None:
        """Let go of every frame that is still queued."""
        self._queue.clear()
        self._bytes = 0

    def _send(self) -> None:
        """Send the first frame, or leave it to `run`."""
        call = captures.push(self._queue[0], self._limits)
        self._sent = begin(self._frames, call)
        if self._sent is None:
            self._left.set()
        else:
            self._sent.add_done_callback(lambda answer: self._answered(call, answer))

    def _answered(self, call: Call[PushReply], answer: asyncio.Future[Any]) -> None:
        self._sent = None
        if answer.exception() is not None or not _is_taken(call, answer.result()):
            self._left.set()  # pushed again, a frame that is there already is there once
        elif self._queue:
            self._taken()
            if self._queue and self._moving:
                self._send()

    def _taken(self) -> None:
        """The first frame is in the stream."""
        self._trouble = None
        self._bytes -= self._queue.popleft().byte_length
        self._wake()

    def _room(self, item: ForwardItem) -> bool:
        limits = self._limits
        return len(self._queue) < limits.max_forward_buffer_frames and (
            not self._queue or self._bytes + item.byte_length <= limits.max_forward_buffer_bytes
        )

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()

    async def _push(self, item: ForwardItem) -> None:
        loop = asyncio.get_running_loop()
        call = captures.push(item, self._limits)
        away_since: float | None = None
        attempt = 0
        while True:
            try:
                reply = await run(self._frames, call)
            except BrokerFull:
                full = True
            except UnreadableValue as error:
                raise CaptureError("forward_failed", str(error)) from error
            except BrokerUnavailable as error:
                away_since = away_since if away_since is not None else loop.time()
                if loop.time() - away_since + backoff_s(attempt) > BROKER_AWAY_S:
                    raise CaptureError("forward_failed", "the frames broker does not answer") from error
                await asyncio.sleep(backoff_s(attempt))
                attempt += 1
                continue
            else:
                if reply.gone:
                    raise CaptureError(cast(CaptureCode, reply.gone), "the capture is no longer open")
                if reply.conflict:
                    raise CaptureError("forward_failed", "the stream holds another frame at this seq")
                full = reply.full
            if not full:
                return
            away_since, attempt = None, 0
            self._stuck("limit_forward_buffer_exceeded")
            await asyncio.sleep(FULL_RETRY_S)

    def _stuck(self, code: CaptureCode) -> None:
        self._trouble = code
        self._wake()


def _is_taken(call: Call[PushReply], answer: Any) -> bool:
    try:
        return read_answer(call, answer).taken
    except UnreadableValue:  # `run` meets it again, and says so
        return False
