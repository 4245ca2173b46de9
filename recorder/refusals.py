"""Events that were not written: tell the sender why, and make a dead letter of what can never be appended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

from contracts.broker.roles import AsyncBroker, BrokerFull
from contracts.broker.script import run
from contracts.process.logs import get_logger
from contracts.rules.errors import (
    BrokerUnavailable,
    EventTooLarge,
    MissingSessionPath,
    RecorderError,
    RecorderIOError,
    SessionLogLocked,
    UnreadableValue,
)
from contracts.state import dead_letters, readers
from contracts.state.event_entries import capture_of
from contracts.state.events import Receipt
from recorder.metrics import TORN_LINE, RecorderMetrics

__all__ = ["Refusals"]

_MAX_FIELDS = 64
"""No entry of this system has more. As a dead letter, all fields become one: a script cannot pass on thousands."""

_REFUSED_TO_SENDER = (MissingSessionPath, EventTooLarge)
"""Refusals without a dead letter: the sender of the appended event gets the refusal and still has the event. Otherwise
appends to sessions that do not exist could fill the dead letters."""

_log = get_logger()


class Refusals:
    """Writes receipts and dead letters. Make it inside the running event loop."""

    def __init__(
        self,
        events: AsyncBroker,
        clock: Callable[[], datetime],
        metrics: RecorderMetrics,
        max_bytes: int = dead_letters.MAX_DEAD_BYTES,
    ) -> None:
        self._events = events
        self._max_bytes = max_bytes
        self._clock = clock
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()

    async def refuse(self, entry_id: str, fields: Mapping[bytes, bytes], error: RecorderError) -> None:
        """Handle an entry whose event was not written: leave it pending, or remove it if it can never be appended.

        Raises:
            BrokerUnavailable: the entry is still pending.
        """
        try:
            if isinstance(error, RecorderIOError):
                await self._say_not_yet(entry_id, error)
            else:
                await self._remove(entry_id, fields, error)
        except UnreadableValue as unreadable:  # for example, the key of the dead letters holds no stream
            _log.error("an entry cannot be set aside, it stays pending", entry_id=entry_id, exc_info=unreadable)

    async def _say_not_yet(self, entry_id: str, error: RecorderIOError) -> None:
        """Write a receipt with the reason why the event is not recorded yet. For a locked log write none: the lock may
        be released before the client's deadline."""
        if isinstance(error, SessionLogLocked):
            return
        receipt = Receipt(error=error.code, detail=f"{error.detail}; the event stays queued and is tried again")
        try:
            await readers.put_receipt(self._events, entry_id, receipt)
        except BrokerFull:
            _log.warning("no room for a receipt", entry_id=entry_id)

    async def _remove(self, entry_id: str, fields: Mapping[bytes, bytes], error: RecorderError) -> None:
        """Remove an entry that can never be appended; make it a dead letter unless its sender still has the event."""
        capture_id = capture_of(fields)
        to_sender = isinstance(error, _REFUSED_TO_SENDER) and not capture_id
        what = "event refused" if to_sender else "dead letter"
        _log.warning(what, entry_id=entry_id, code=error.code, detail=error.detail)
        receipt = Receipt(error=error.code, detail=error.detail)
        if len(fields) > _MAX_FIELDS:
            fields = {b"entry": repr(dict(fields)).encode()}
        letter = {} if to_sender else fields
        step = dead_letters.dead_letter(entry_id, receipt, letter, self._clock(), capture_id, max_bytes=self._max_bytes)
        self._metrics.lost(await run(self._events, step))
        if not to_sender:
            self._metrics.dead_letters.labels(error.code).inc()

    def keep_tail(self, log: str, tail: bytes) -> None:
        """Make a log's torn last line a dead letter. Call this in a thread, as the writer does.

        Raises:
            RecorderIOError: the broker did not keep it.
        """
        future = asyncio.run_coroutine_threadsafe(self._dead_letter_tail(log, tail), self._loop)
        try:
            future.result()
        except (BrokerUnavailable, UnreadableValue) as error:
            raise RecorderIOError("the log's torn last line has no safe place yet") from error

    async def _dead_letter_tail(self, log: str, tail: bytes) -> None:
        _log.warning("torn last line", log=log, length_bytes=len(tail))
        detail = f"{len(tail)} bytes at the end of the log without a newline"
        step = dead_letters.dead_letter_tail(log, tail, TORN_LINE, detail, self._clock(), max_bytes=self._max_bytes)
        self._metrics.lost(await run(self._events, step))
        self._metrics.dead_letters.labels(TORN_LINE).inc()
