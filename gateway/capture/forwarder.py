"""The bounded forward queue of one capture, between its socket and its frame stream."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, cast

from contracts.broker.roles import AsyncBroker, BrokerFull
from contracts.broker.script import prepare, run
from contracts.broker.shared_connection import Changes
from contracts.process.retry import backoff_s
from contracts.rules.codes import CaptureCode
from contracts.rules.errors import BrokerUnavailable, CaptureError, UnreadableValue
from contracts.rules.limits import CaptureLimits
from contracts.state.frame import PUSH_CHANGES, ForwardItem, PushReply, is_taken, push_changes, push_frame

__all__ = ["FLUSH_WITHIN_S", "Forwarder"]

FULL_RETRY_S = 0.05
"""How long to wait before a frame is sent again to a full stream, in seconds."""

STALLED_S = 3.0
"""How long `wait_for_room` waits while no frame leaves the queue, before the capture fails, in seconds."""

BROKER_AWAY_S = 3.0
"""How long the frames broker may be unreachable before the capture fails, in seconds."""

FLUSH_WITHIN_S = 2.0
"""At a shutdown: how long a capture that its client has closed may still take to complete, in seconds."""


class Forwarder:
    """Queues at most ``max_forward_buffer_frames`` frames and ``_bytes`` bytes; the frame that is being sent counts.

    `put` sends a frame at once if it is alone in the queue, and the reply's callback sends the next one. A task that
    waited for either would take two more turns of the event loop for every frame. The task `run` sends a frame only if
    that failed: there was no open connection, or the reply was not a plain success.

    `put` needs room in the queue. `wait_for_room` lets the caller wait for it, so that TCP slows the client down; if
    the stream is full too, it fails at once.
    """

    def __init__(self, frames: AsyncBroker, limits: CaptureLimits) -> None:
        self._frames = frames
        self._limits = limits
        self._half = limits.max_forward_buffer_frames // 2
        self._loop = asyncio.get_running_loop()
        self._begin: Callable[[Changes, Callable[[Any], None]], bool] | None = None
        self._queue: deque[tuple[ForwardItem, str]] = deque()
        self._bytes = 0
        self._changed = asyncio.Event()
        self._slow = asyncio.Event()
        self._slow.set()  # while it is set, only `run` sends; so nothing is sent before `run` starts or after it ends
        self._wait_error: CaptureCode | None = None
        self._failure: CaptureError | None = None
        self._waiting: tuple[int, Callable[[CaptureError | None], None]] | None = None
        self._waiting_since = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._queue)

    def has_room(self, size: int) -> bool:
        """Whether a frame of ``size`` bytes can be queued now."""
        limits = self._limits
        return len(self._queue) < limits.max_forward_buffer_frames and (
            not self._queue or self._bytes + size <= limits.max_forward_buffer_bytes
        )

    def put(self, item: ForwardItem, timestamp_frame: str) -> int:
        """Queue a frame for which there is room. ``timestamp_frame`` is the item's, as `format_utc` writes it. Returns
        how many frames are queued now."""
        self._queue.append((item, timestamp_frame))
        self._bytes += len(item.payload)
        queued = len(self._queue)
        if queued == 1 and not self._slow.is_set():
            self._send()
        return queued

    async def wait_for_room(self, size: int) -> None:
        """Wait until a frame of ``size`` bytes can be queued.

        Raises:
            CaptureError: ``limit_forward_buffer_exceeded`` if the stream is full too, or ``forward_failed`` if the
                broker does not answer.
        """
        if self.has_room(size):
            return
        room: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def _end_wait(error: CaptureError | None) -> None:
            if room.done():  # the caller was cancelled
                return
            if error is None:
                room.set_result(None)
            else:
                room.set_exception(error)

        self.call_when_room(size, _end_wait)
        await room

    def call_when_room(self, size: int, then: Callable[[CaptureError | None], None]) -> None:
        """Call ``then`` with None in the turn of the loop in which a frame of ``size`` bytes can be queued, or with the
        error that `wait_for_room` raises. If it has to wait, half of the queue must be free. Only one caller can wait
        for room, with either method."""
        self._waiting, self._waiting_since = (size, then), self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_later(STALLED_S, self._check_waiting)
        self._call_waiting()

    def _check_waiting(self) -> None:
        """Fail the caller that waits for too long. One timer serves all: a fast client waits with every frame."""
        self._timer = None
        if self._waiting is None:
            return
        left_s = self._waiting_since + STALLED_S - self._loop.time()
        if left_s <= 0:
            self._fail_waiting("forward_failed")
        else:
            self._timer = self._loop.call_later(left_s, self._check_waiting)

    def _call_waiting(self) -> None:
        if self._waiting is None:
            return
        size, then = self._waiting
        has_room = self.has_room(size)
        if has_room or self._wait_error is not None:
            self._waiting = None
            code = self._wait_error or "limit_forward_buffer_exceeded"
            then(None if has_room else CaptureError(code, "the forward queue is full"))

    async def flush(self, within_s: float) -> None:
        """Wait until every queued frame is in the broker, at most ``within_s`` seconds. `run` must be running.

        Raises:
            CaptureError: the error of `run`, the code that `give_up` got, or ``limit_forward_buffer_exceeded`` if there
                was no room for the frames in time.
        """
        try:
            async with asyncio.timeout(within_s):
                while self._queue:
                    if self._failure is not None:
                        raise self._failure
                    await self._wait_for_change()
        except TimeoutError as error:
            raise CaptureError("limit_forward_buffer_exceeded", "no room for the last frames") from error

    async def run(self) -> None:
        """Send the frames that `put` and the replies' callbacks could not send, until cancelled.

        Raises:
            CaptureError: the capture has ended (with its code), or the broker is unreachable (``forward_failed``).
        """
        try:
            while True:
                await self._slow.wait()
                while self._queue:
                    await self._push(self._queue[0][0])
                    self._drop_first()
                    self._frame_left()
                self._slow.clear()
        except CaptureError as error:
            self._failure = error
            self._changed.set()
            raise
        finally:
            self._slow.set()

    def give_up(self, code: CaptureCode) -> None:
        """Make `flush` fail with this code."""
        self._failure = self._failure or CaptureError(code, "there is no time left for the last frames")
        self._changed.set()

    def discard(self) -> None:
        """Free every frame that is still queued."""
        self._queue.clear()
        self._bytes = 0
        self._waiting = None
        if self._timer is not None:
            self._timer.cancel()

    def _send(self) -> None:
        """Send the first frame if there is an open connection, else leave it to `run`."""
        item, timestamp_frame = self._queue[0]
        if self._begin is None:
            self._begin = prepare(self._frames, push_frame(item, self._limits), PUSH_CHANGES)
        if not self._begin(push_changes(item, timestamp_frame), self._on_reply):
            self._slow.set()

    def _on_reply(self, reply: Any) -> None:
        if not is_taken(reply):
            self._slow.set()  # `run` sends the frame again; the script does not add a frame that is in the stream
        elif self._queue:  # else `discard` has emptied it
            self._drop_first()
            if self._queue and not self._slow.is_set():
                self._send()
            self._frame_left()

    def _frame_left(self) -> None:
        """Let the caller that waits for room go on if half of the queue is free. Otherwise a fast client would be held
        and resumed for each frame, which took a twentieth of the frame's processor time."""
        if self._waiting is not None:
            self._waiting_since = self._loop.time()
            if len(self._queue) <= self._half:
                self._call_waiting()

    def _drop_first(self) -> None:
        """The first frame is in the stream: drop it from the queue."""
        self._wait_error = None
        self._bytes -= len(self._queue.popleft()[0].payload)
        self._changed.set()

    async def _wait_for_change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    async def _push(self, item: ForwardItem) -> None:
        """Send a frame again and again until it is in the stream."""
        loop = asyncio.get_running_loop()
        call = push_frame(item, self._limits)
        away_since: float | None = None
        attempt = 0
        while True:
            try:
                reply = await run(self._frames, call)
            except BrokerFull:
                reply = PushReply(full=True)
            except UnreadableValue as error:
                raise CaptureError("forward_failed", str(error)) from error
            except BrokerUnavailable as error:
                away_since = away_since if away_since is not None else loop.time()
                if loop.time() - away_since + backoff_s(attempt) > BROKER_AWAY_S:
                    raise CaptureError("forward_failed", "the frames broker does not answer") from error
                await asyncio.sleep(backoff_s(attempt))
                attempt += 1
                continue
            if reply.gone:
                raise CaptureError(cast(CaptureCode, reply.gone), "the capture is no longer open")
            if reply.conflict:
                raise CaptureError("forward_failed", "the stream holds another frame at this seq")
            if reply.taken:
                return
            away_since, attempt = None, 0
            self._fail_waiting("limit_forward_buffer_exceeded")
            await asyncio.sleep(FULL_RETRY_S)

    def _fail_waiting(self, code: CaptureCode) -> None:
        """Make `wait_for_room` fail with this code, unless a frame leaves the queue first."""
        self._wait_error = code
        self._changed.set()
        self._call_waiting()
