"""The event stream's one active consumer: what is pending first, in order, then what is new."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

import redis
from prometheus_client import CollectorRegistry

from contracts.broker import keys
from contracts.broker.roles import AsyncBroker, broker_errors, ensure_group
from contracts.process.background import BackgroundErrors
from contracts.process.logs import get_logger
from contracts.process.retry import pause, repeat
from contracts.rules.errors import BrokerUnavailable
from recorder.handler import EntryHandler, StreamEntry
from recorder.leadership import Leadership

__all__ = ["Consumer"]

BATCH_ENTRIES = 128
BLOCK_S = 0.25
STANDBY_S = 0.1
CLAIM_S = 2.0

_NO_GROUP = ("NOGROUP", "UNBLOCKED")  # the second: the stream was deleted under a blocking read

_log = get_logger()


class Consumer:
    """Reads ``{a3cp}:events`` for its group while this process is the active recorder.

    At-least-once: an entry leaves the stream only after its line is in the file or it is a dead letter. At the
    start of each term every pending entry of the group is claimed, no matter which consumer had it, and handled before
    a new one is read;
    after any error this consumer's own pending entries come first again. Every two seconds it looks for
    entries that a former leader took in the moment in which its time ran out.
    """

    def __init__(
        self,
        events: AsyncBroker,
        leadership: Leadership,
        handler: EntryHandler,
        errors: BackgroundErrors | None = None,
    ) -> None:
        self._events = events
        self._leadership = leadership
        self._handler = handler
        self._errors = errors or BackgroundErrors(CollectorRegistry(), ["consumer"])
        self._term = 0
        self._drain_due = True
        self._claim_at_s = 0.0

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until ``stopping``; the entry in hand is finished. Retry with backoff while the broker is away, or
        holds something other than a stream of events."""

        async def step() -> None:
            if self._leadership.leads:
                await self.turn(stopping)
            else:
                await pause(STANDBY_S, stopping)

        await repeat(step, self._failed, stop=stopping)

    def _failed(self, error: Exception, delay_s: float) -> None:
        self._drain_due = True
        if isinstance(error, BrokerUnavailable):
            _log.warning("the broker is away", detail=str(error), retry_s=delay_s)
        else:
            self._errors.note("consumer", error)

    async def turn(self, stopping: asyncio.Event) -> None:
        """Handle what is pending, if that is due, and one batch of new entries; waits `BLOCK_S` for them at most.

        Raises:
            BrokerUnavailable: what was read and not handled is still pending.
        """
        try:
            await self._claim()
            if self._drain_due or self._retry_in_s() == 0.0:
                await self._drain(stopping)
            if not self._drain_due and self._leadership.leads:
                block_s = min(BLOCK_S, self._retry_in_s())
                await self._handle(await self._read(">", block_s), stopping, new=True)
        except redis.exceptions.ResponseError as error:
            if not str(error).startswith(_NO_GROUP):
                raise
            _log.warning("the consumer group is gone; creating it again")
            await ensure_group(self._events, "events", keys.EVENTS, keys.RECORDER_GROUP)
            self._drain_due = True

    async def leave(self) -> None:
        """Take this consumer's name out of the group, unless entries are pending under it.

        Raises:
            BrokerUnavailable: its name stays, which costs nothing but a line in ``XINFO CONSUMERS``.
        """
        me, group = self._leadership.me, keys.RECORDER_GROUP
        with broker_errors("events"), suppress(redis.exceptions.ResponseError):
            if not await self._events.xpending_range(keys.EVENTS, group, "-", "+", 1, consumername=me):
                await self._events.xgroup_delconsumer(keys.EVENTS, group, me)

    async def _claim(self) -> None:
        """In a new term, and then every `CLAIM_S`, make every pending entry of the group this consumer's."""
        term = self._leadership.term
        if term == self._term and time.monotonic() < self._claim_at_s:
            return
        with broker_errors("events"):
            pending: Any = await self._events.xpending(keys.EVENTS, keys.RECORDER_GROUP)
        if any(consumer["name"] != self._leadership.me.encode() for consumer in pending["consumers"]):
            await self._claim_all()
            self._drain_due = True
        if term != self._term:
            self._drain_due = True
            self._term = term
        self._claim_at_s = time.monotonic() + CLAIM_S

    async def _claim_all(self) -> None:
        cursor: Any = "0-0"
        while cursor != b"0-0":
            with broker_errors("events"):
                cursor, *_ = await self._events.xautoclaim(
                    keys.EVENTS, keys.RECORDER_GROUP, self._leadership.me, 0, cursor, count=BATCH_ENTRIES
                )

    async def _drain(self, stopping: asyncio.Event) -> None:
        """One pass over this consumer's pending entries, in the order of their IDs."""
        self._handler.blocked_sessions.reopen(time.monotonic())
        self._drain_due = True
        last = "0"
        while batch := await self._read(last, None):
            if not await self._handle(batch, stopping):
                return
            last = batch[-1][0]
        self._drain_due = False

    async def _read(self, after: str, block_s: float | None) -> list[StreamEntry]:
        block_ms = None if block_s is None else max(1, round(block_s * 1000))
        with broker_errors("events"):
            answer: Any = await self._events.xreadgroup(
                keys.RECORDER_GROUP, self._leadership.me, {keys.EVENTS: after}, count=BATCH_ENTRIES, block=block_ms
            )
        return [(entry_id.decode(), fields) for _, entries in answer for entry_id, fields in entries]

    async def _handle(self, batch: list[StreamEntry], stopping: asyncio.Event, *, new: bool = False) -> bool:
        """Handle a batch; false if it was left, to be drained later, since the term is over or we stop."""

        def go_on() -> bool:
            return not stopping.is_set() and self._leadership.leads and self._leadership.term == self._term

        if gone := [entry_id for entry_id, fields in batch if not fields]:  # deleted while they were pending
            with broker_errors("events"):
                await self._events.xack(keys.EVENTS, keys.RECORDER_GROUP, *gone)
        here = [entry for entry in batch if entry[1]]
        if await self._handler.handle_all(here, new=new, go_on=go_on) < len(here):
            self._drain_due = True
            return False
        return True

    def _retry_in_s(self) -> float:
        """How long until a held session is tried again; `BLOCK_S` if none is due before."""
        retry_at_s = self._handler.blocked_sessions.next_retry_s()
        return BLOCK_S if retry_at_s is None else max(0.0, retry_at_s - time.monotonic())
