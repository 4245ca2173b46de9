"""Replaces a pool of extractors: it takes captures as they do and decodes no picture."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from contracts.broker import keys
from contracts.broker.roles import AsyncBroker, ensure_group
from contracts.broker.script import run
from contracts.rules.landmarks import Row
from contracts.state import captures, records
from contracts.state.captures import CaptureState
from contracts.state.events import EventEntry
from contracts.state.frame import TerminalEntry, decode_entry
from contracts.state.records import CaptureCounts

NAME = "drain"
POLL_S = 0.02
EMPTY_ROW = Row(0, False, b"")


class Drain:
    """At most ``slots`` captures at once; the others wait. ``published`` has the captures that are complete."""

    def __init__(self, frames: AsyncBroker, events: AsyncBroker, slots: int) -> None:
        self.published: set[str] = set()
        self._frames = frames
        self._events = events
        self._free = asyncio.Semaphore(slots)
        self._stopping = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Take captures until the block ends; unfinished captures stay pending."""
        await ensure_group(self._frames, "frames", keys.CAPTURES, keys.EXTRACTOR_GROUP)
        self._stopping = False
        async with asyncio.TaskGroup() as group:
            group.create_task(self._take(group))
            try:
                yield
            finally:
                self._stopping = True  # a flag: a cancelled command might be half done

    async def _take(self, group: asyncio.TaskGroup) -> None:
        while not self._stopping:
            async with self._free:
                taken: Any = await self._frames.xreadgroup(keys.EXTRACTOR_GROUP, NAME, {keys.CAPTURES: ">"}, count=1)
            if taken:
                [[entry_id, fields]] = taken[0][1]
                group.create_task(self._extract(entry_id.decode(), fields[b"capture_id"].decode()))
            await asyncio.sleep(0 if taken else POLL_S)

    async def _extract(self, entry_id: str, capture_id: str) -> None:
        async with self._free:
            state = await run(self._frames, captures.claim(capture_id, entry_id))
            if state is not None:
                terminal = await self._rows(capture_id, state)
                if terminal is None:
                    return
                if terminal.event == "close":
                    await self._publish(capture_id, state)
                await run(self._frames, captures.finish_capture(capture_id, state.token))
            await self._frames.xack(keys.CAPTURES, keys.EXTRACTOR_GROUP, entry_id)
            await self._frames.xdel(keys.CAPTURES, entry_id)

    async def _rows(self, capture_id: str, state: CaptureState) -> TerminalEntry | None:
        """A row for every frame, in order, until the terminal entry, or until there is no time left."""
        stream, last = keys.capture_keys(capture_id).frames, b"0"
        while not self._stopping:
            entries = await self._frames.xrange(stream, b"(" + last, count=20)
            for entry_id, fields in entries:
                last, entry = entry_id, decode_entry(fields)
                if isinstance(entry, TerminalEntry):
                    return entry
                size = entry.byte_length
                call = captures.row(capture_id, state.token, entry.seq, EMPTY_ROW, size, restart=False, found={})
                assert await run(self._frames, call)
            if not entries:
                await asyncio.sleep(POLL_S)
        return None

    async def _publish(self, capture_id: str, state: CaptureState) -> None:
        window = state.window
        event = EventEntry(b"{}", window.user_id, window.session_id, window.record_id, capture_id)
        outcome = await run(self._events, records.publish(event, CaptureCounts()))
        if outcome.outcome == "published":
            self.published.add(capture_id)
