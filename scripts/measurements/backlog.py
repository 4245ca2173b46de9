"""Complete captures that wait in the brokers for an extractor. They are written as the gateway writes them, but all at
once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from contracts.broker.roles import AsyncBroker, connect
from contracts.broker.script import run
from contracts.rules.ids import parse_utc
from contracts.rules.limits import CaptureLimits
from contracts.state import captures, dispatch, readers, records
from contracts.state.captures import CaptureWindow
from contracts.state.frame import ForwardItem, TerminalEntry, push_frame
from scripts.client import CaptureClient
from scripts.stack.stack import Stack

__all__ = ["Backlog"]

FPS = 15
WIDTH, HEIGHT = 640, 480
POLL_S = 0.25
GIVE_UP_S = 120.0

ROOM = CaptureLimits(stream_max_frames=100_000, stream_max_bytes=2**32)
"""Large enough for a whole capture in its stream before an extractor reads it."""


class Backlog:
    """Writes closed captures into the brokers, then dispatches them to the extractors."""

    def __init__(self, frames: AsyncBroker, events: AsyncBroker, gateway: CaptureClient) -> None:
        self.frames = frames
        self._events = events
        self._gateway = gateway

    @classmethod
    @asynccontextmanager
    async def of(cls, stack: Stack, gateway: CaptureClient) -> AsyncIterator[Backlog]:
        """Connect to the brokers of this stack."""
        async with AsyncExitStack() as exits:
            frames, events = (connect(url) for url in stack.urls)
            exits.push_async_callback(frames.aclose)
            exits.push_async_callback(events.aclose)
            yield cls(frames, events, gateway)

    async def fill(self, count: int, jpegs: Sequence[bytes]) -> list[CaptureWindow]:
        """Write ``count`` captures of these frames, each in its own session; they are not dispatched yet."""
        return [await self._fill_one(jpegs) for _ in range(count)]

    async def drain(self, windows: Sequence[CaptureWindow], traceparent: Callable[[], str] = lambda: "") -> float:
        """Dispatch the captures and wait until each has its line in a log; returns the seconds that this took.

        The end is the time that the recorder gives the last line, so rare polling is exact and leaves the processors to
        the workers.

        Raises:
            TimeoutError: it takes longer than 120 s.
            RuntimeError: a capture was aborted.
        """
        began = datetime.now(UTC)
        for window in windows:
            await dispatch.dispatch(self.frames, window, traceparent())
        async with asyncio.timeout(GIVE_UP_S):
            recorded = [await self._recorded_at(window) for window in windows]
        return (max(recorded) - began).total_seconds()

    async def _fill_one(self, jpegs: Sequence[bytes]) -> CaptureWindow:
        user_id = f"bench-{uuid4()}"
        window = CaptureWindow(
            capture_id=str(uuid4()),
            user_id=user_id,
            session_id=await self._gateway.start_session(user_id),
            record_id=str(uuid4()),
            timestamp_start=datetime.now(UTC).replace(microsecond=0),
            fps_target=FPS,
            width=WIDTH,
            height=HEIGHT,
            max_duration_s=ROOM.max_duration_s,
        )
        await run(self._events, records.reserve(window, "bench", 1, datetime.now(UTC)))
        await run(self.frames, captures.open_capture(window))
        for seq, jpeg in enumerate(jpegs, 1):
            reply = await run(self.frames, push_frame(_item(window, seq, jpeg), ROOM))
            if reply.gone or reply.full or reply.conflict:
                raise RuntimeError(f"frame {seq} was refused: {reply}")
        end = TerminalEntry("close", timestamp_end=_at(window, len(jpegs)))
        await run(self.frames, captures.end_stream(window.capture_id, end))
        await run(self._events, records.mark_closed(user_id, window.capture_id))
        return window

    async def _recorded_at(self, window: CaptureWindow) -> datetime:
        while True:
            record = await readers.read_record(self._events, window.capture_id)
            if record and record.error_code:
                raise RuntimeError(f"a capture was aborted: {record.error_code}")
            if record and record.recorded_at:
                return parse_utc(record.recorded_at)
            await asyncio.sleep(POLL_S)


def _item(window: CaptureWindow, seq: int, jpeg: bytes) -> ForwardItem:
    return ForwardItem(
        window.capture_id, seq, _at(window, seq - 1), jpeg, "jpeg", window.width, window.height,
        window.user_id, window.session_id,
    )  # fmt: skip


def _at(window: CaptureWindow, frames: int) -> datetime:
    return window.timestamp_start + timedelta(seconds=frames / FPS)
