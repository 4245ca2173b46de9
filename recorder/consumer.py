"""The active recorder: one process at a time reads the event stream, pending entries first, in order, then new ones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import redis
from prometheus_client import CollectorRegistry

from contracts.broker import keys
from contracts.broker.roles import AsyncBroker, broker_errors, ensure_group
from contracts.broker.script import run
from contracts.process.background import BackgroundErrors
from contracts.process.logs import get_logger
from contracts.process.retry import pause, repeat
from contracts.rules.errors import BrokerUnavailable, UnreadableValue
from contracts.state import recording
from recorder.handler import EntryHandler, StreamEntry

__all__ = ["Consumer", "Leadership"]

BATCH_ENTRIES = 128
BLOCK_S = 0.25
STANDBY_S = 0.1
CLAIM_S = 2.0
RENEW_S = 1.0

STAND_BACK_S = 3.0
"""How long a recorder stands back for another one, if an event of another release waits: longer than a standby takes to
become the active one, and shorter than the gateways wait for a receipt."""

STAND_BACK_EVERY_S = 60.0
"""How often it does so: if there is no other recorder, the events of all other sessions wait meanwhile."""

_NO_GROUP = ("NOGROUP", "UNBLOCKED")  # the second: the stream was deleted under a blocking read

_log = get_logger()


class Leadership:
    """Whether this process is the active recorder: a key in the events broker that the active recorder renews.

    ``term`` counts how often this process became the active recorder: in a new term, another one may have been active
    in between. ``on_term`` is called at the start of each. Leadership keeps two recorders from doing the same work; the
    writer sees to it that no line is written twice.
    """

    def __init__(
        self,
        events: AsyncBroker,
        me: str,
        on_term: Callable[[], None] = lambda: None,
        errors: BackgroundErrors | None = None,
    ) -> None:
        self.me = me
        self.term = 0
        self._on_term = on_term
        self._errors = errors or BackgroundErrors(CollectorRegistry(), ["leadership"])
        self._events = events
        self._until_s = 0.0
        self._not_before_s = 0.0

    @property
    def leads(self) -> bool:
        """Whether this process is the active recorder, as far as it can know: if it was paused, or cannot reach the
        broker, its own clock says that its time has run out."""
        return time.monotonic() < self._until_s

    async def acquire_leadership(self) -> bool:
        """Become or stay the active recorder; false if another one is, or this one stands back.

        Raises:
            BrokerUnavailable: the broker did not answer; if this process was the active recorder, it stays so until its
                time runs out.
        """
        led, asked_at_s = self.leads, time.monotonic()
        if asked_at_s < self._not_before_s:
            return False
        if not await run(self._events, recording.acquire_leadership(self.me)):
            self._until_s = 0.0
            if led:
                _log.warning("another recorder is active now")
            return False
        if not (led and self.leads):
            self.term += 1
            self._on_term()
            _log.info("this recorder is active", term=self.term)
        self._until_s = asked_at_s + recording.LEADER_TTL_MS / 1000
        return True

    async def keep(self, stopping: asyncio.Event) -> None:
        """Call `acquire_leadership` every `RENEW_S` until ``stopping``; report its errors and go on."""
        while not stopping.is_set():
            try:
                with suppress(BrokerUnavailable):  # the consumer gets the same error and reports it
                    await self.acquire_leadership()
            except Exception as error:
                self._errors.note("leadership", error)
            await pause(RENEW_S, stopping)

    async def release_leadership(self) -> None:
        """Let a standby take over at once. Ignore a broker that does not answer: the key expires by itself."""
        self._until_s = 0.0
        with suppress(BrokerUnavailable, UnreadableValue):
            await run(self._events, recording.release_leadership(self.me))

    async def stand_back(self) -> None:
        """`release_leadership`, and do not ask for it for `STAND_BACK_S`."""
        self._not_before_s = time.monotonic() + STAND_BACK_S
        await self.release_leadership()


class Consumer:
    """Reads ``{a3cp}:events`` for its group while this process is the active recorder.

    At-least-once: an entry leaves the stream only after its line is in the file or it is a dead letter. At the
    start of each term this consumer claims every pending entry of the group, no matter which consumer had it, and
    handles them before it reads a new one; after any error its own pending entries come first again. Every `CLAIM_S`,
    and each time before it handles new entries, it looks for those that an earlier leader read at the moment when its
    time ran out: they came before.
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
        self._stand_back_at_s = 0.0

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until ``stopping``, and finish the entry in hand. Retry with backoff while the broker is away, or
        its key holds something other than a stream."""

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
        """Handle the pending entries, if that is due, and one batch of new ones; wait for these `BLOCK_S` at most.

        Raises:
            BrokerUnavailable: entries that were read and not handled are still pending.
        """
        try:
            await self._claim()
            if self._drain_due or self._retry_in_s() == 0.0:
                await self._drain(stopping)
            if not self._drain_due and self._leadership.leads:
                await self._handle_new(stopping)
            await self._stand_back()
        except redis.exceptions.ResponseError as error:
            if not str(error).startswith(_NO_GROUP):
                raise
            _log.warning("the consumer group is gone; creating it again")
            await ensure_group(self._events, "events", keys.EVENTS, keys.RECORDER_GROUP)
            self._drain_due = True

    async def _stand_back(self) -> None:
        """If an event of another release waits, now and then let a standby be the active recorder: it may read it."""
        left_one, self._handler.left_one = self._handler.left_one, False
        if left_one and time.monotonic() >= self._stand_back_at_s:
            self._stand_back_at_s = time.monotonic() + STAND_BACK_EVERY_S
            _log.error("an event of another release waits: this recorder stands back, upgrade it", seconds=STAND_BACK_S)
            await self._leadership.stand_back()

    async def leave(self) -> None:
        """Take this consumer's name out of the group, unless entries are pending under it.

        Raises:
            BrokerUnavailable: its name may stay, which costs only a line in ``XINFO CONSUMERS``.
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
        await self._claim_from_others()
        if term != self._term:
            self._drain_due = True
            self._term = term
        self._claim_at_s = time.monotonic() + CLAIM_S

    async def _claim_from_others(self) -> bool:
        """Make entries that are pending for other consumers this one's; whether there were any."""
        with broker_errors("events"):
            pending: Any = await self._events.xpending(keys.EVENTS, keys.RECORDER_GROUP)
        if all(consumer["name"] == self._leadership.me.encode() for consumer in pending["consumers"]):
            return False
        self._drain_due = True
        await self._claim_all()
        return True

    async def _claim_all(self) -> None:
        cursor: Any = "0-0"
        while cursor != b"0-0":
            with broker_errors("events"):
                cursor, *_ = await self._events.xautoclaim(
                    keys.EVENTS, keys.RECORDER_GROUP, self._leadership.me, 0, cursor, count=BATCH_ENTRIES
                )

    async def _handle_new(self, stopping: asyncio.Event) -> None:
        """Wait `BLOCK_S` at most for new entries, and handle them.

        A former leader may have read entries that came before them, in the moment when its time ran out: then all of
        them are left to the next drain, which handles them in the order of the stream.
        """
        batch = await self._read(">", min(BLOCK_S, self._retry_in_s()))
        if batch and not await self._claim_from_others():
            await self._handle(batch, stopping, new=True)

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
        """Handle a batch; false if some of it is left for a later drain: the term ended, or ``stopping`` is set."""

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
        """How long until a blocked session is tried again; `BLOCK_S` if none is due before."""
        retry_at_s = self._handler.blocked_sessions.next_retry_s()
        return BLOCK_S if retry_at_s is None else max(0.0, retry_at_s - time.monotonic())
