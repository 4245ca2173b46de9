"""The dispatch queues: how an extractor claims the next capture, and how a consumer that is gone leaves the group."""

from __future__ import annotations

from collections.abc import Callable, Set
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import redis

from contracts.broker import keys
from contracts.broker.roles import Broker, broker_errors, ensure_group_sync
from contracts.broker.script import run_sync
from contracts.process.logs import get_logger
from contracts.rules.errors import BrokerUnavailable, UnreadableValue
from contracts.rules.formats import OtherFormat
from contracts.rules.ids import is_identifier
from contracts.state import captures, readers
from contracts.state.captures import CaptureState
from contracts.state.dispatch import DispatchEntry
from contracts.state.frame import TerminalEntry
from workers.extract.deliveries import is_last_try
from workers.extract.lease import Lease, Timing, hand_back_entry
from workers.extract.left import Entry, LeftEntries

__all__ = ["QUEUES", "Claimed", "Dispatch", "forget_consumer"]

log = get_logger()


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claimed capture: its lease, its state when it was claimed, and the trace that its dispatch entry names."""

    lease: Lease
    state: CaptureState
    traceparent: str = ""


QUEUES = (keys.CAPTURES, keys.UPLOADS)
"""The order in which an extractor looks for a capture: a person waits at a camera, but not at a video."""


MOST_ABANDONED = 16
"""How many abandoned captures an extractor that has one in hand looks at."""


class Dispatch:
    """The extractors' group of each queue, as one consumer sees it. ``on_left`` is called for each capture that is left
    to an extractor of another release."""

    def __init__(
        self, broker: Broker, consumer: str, timing: Timing, on_left: Callable[[], None] = lambda: None
    ) -> None:
        self._broker = broker
        self._left = LeftEntries(broker, consumer, on_left)
        self._consumer = consumer
        self._timing = timing
        self._recover = True  # an entry whose delivery was lost is pending under this consumer's name
        self._to_leave: set[str] = set()

    def take(self) -> Claimed | None:
        """Claim an abandoned capture, or a waiting one; else wait up to ``poll_ms`` for a new one. None if there is
        none, or if it needs no more work.

        Raises:
            BrokerUnavailable: the broker did not answer. If it delivered an entry, the next call finds it.
        """
        return self._take(self._waiting)

    def take_beside(self, held: Set[str]) -> Claimed | None:
        """Claim a camera's capture that no idle extractor took, beside those whose dispatch IDs are ``held``. None if
        there is none. Errors as `take`.

        A new one is taken at once: an idle extractor waits at the broker, which would have served it first. Abandoned
        ones it looks for every ``poll_ms``, so they are its own for that time.
        """
        return self._take(lambda: self._left_over(held))

    def _take(self, find: Callable[[], tuple[str, Entry] | None]) -> Claimed | None:
        try:
            found = find()
            return self._claim(*found) if found else None
        except BrokerUnavailable:
            self._recover = True
            raise
        except redis.exceptions.ResponseError as error:
            if not str(error).startswith(("NOGROUP", "UNBLOCKED")):
                raise
            for queue in QUEUES:
                ensure_group_sync(self._broker, "frames", queue, keys.EXTRACTOR_GROUP)
            return None

    def _waiting(self) -> tuple[str, Entry] | None:
        """The next entry to claim, and its queue. Each command names one queue: a cluster may split them."""
        if self._recover:
            for queue in QUEUES:
                with suppress(UnreadableValue):
                    if entry := self._read_group(queue, "0"):
                        return queue, entry
            self._recover = False
        unreadable = None
        for queue in QUEUES:
            try:
                if entry := self._left.abandoned(queue, self._timing.lease_ms) or self._read_group(queue, ">"):
                    return queue, entry
            except UnreadableValue as error:  # the other queue may be readable
                unreadable = error
        if unreadable is not None:
            raise unreadable
        entry = self._read_group(keys.CAPTURES, ">", self._timing.poll_ms)
        return (keys.CAPTURES, entry) if entry else None

    def _left_over(self, held: Set[str]) -> tuple[str, Entry] | None:
        least_idle_ms = self._timing.lease_ms + self._timing.poll_ms
        entry = self._read_group(keys.CAPTURES, ">")
        if entry is None:
            with broker_errors("frames"):
                abandoned: Any = self._broker.xpending_range(
                    keys.CAPTURES, keys.EXTRACTOR_GROUP, "-", "+", MOST_ABANDONED, idle=least_idle_ms
                )
            left = {name.decode() for name in self._left.ids(keys.CAPTURES)} | held | self._to_leave
            names = [name for one in abandoned if (name := one["message_id"].decode()) not in left]
            taken = (self._claim_abandoned(name, least_idle_ms) for name in names)
            entry = next(filter(None, taken), None)
        return (keys.CAPTURES, entry) if entry else None

    def _claim_abandoned(self, dispatch_id: str, least_idle_ms: int) -> Entry | None:
        """Take an abandoned entry over; None if another extractor did. If the capture would then be at its last try,
        for which it needs a process for itself, leave it to an idle one."""
        with broker_errors("frames"):
            entries: Any = self._broker.xclaim(
                keys.CAPTURES, keys.EXTRACTOR_GROUP, self._consumer, least_idle_ms, [dispatch_id]
            )
        if not entries:
            return None
        if not self._comes_to_its_last_try(DispatchEntry.decode(entries[0][1]).capture_id):
            return entries[0]  # type: ignore[no-any-return]
        self._to_leave.add(dispatch_id)
        hand_back_entry(self._broker, keys.CAPTURES, dispatch_id, self._timing.lease_ms)
        return None

    def _comes_to_its_last_try(self, capture_id: str) -> bool:
        if not is_identifier(capture_id):
            return False
        with suppress(UnreadableValue):  # claiming it sets it aside
            state = readers.read_summary_sync(self._broker, capture_id)
            return state is not None and is_last_try(state.deliveries + 1)
        return False

    def _read_group(self, queue: str, entry_id: str, block_ms: int | None = None) -> Entry | None:
        with broker_errors("frames"):
            reply: Any = self._broker.xreadgroup(
                keys.EXTRACTOR_GROUP, self._consumer, {queue: entry_id}, count=1, block=block_ms
            )
        entries = reply[0][1] if reply else []
        return entries[0] if entries else None

    def _claim(self, queue: str, entry: Entry) -> Claimed | None:
        dispatched = DispatchEntry.decode(entry[1])
        dispatch_id, capture_id = entry[0].decode(), dispatched.capture_id
        state = None
        try:
            DispatchEntry.check(entry[1])
            if is_identifier(capture_id):
                state = run_sync(self._broker, captures.claim(capture_id, dispatch_id))
        except OtherFormat as error:
            self._left.leave(queue, entry[0], error, self._timing.lease_ms)
            return None
        except UnreadableValue as error:
            log.error("a capture's state cannot be read; it is set aside", capture_id=capture_id, exc_info=error)
            self._set_aside(capture_id)
        except ValueError:  # the entry's format is not a number: no release wrote it
            pass
        if state is None:
            log.info("dispatch entry dropped", dispatch_id=dispatch_id, capture_id=capture_id)
            run_sync(self._broker, captures.acknowledge(dispatch_id, queue))
            return None
        lease = Lease(
            queue, dispatch_id, capture_id, state.token, consumer=self._consumer, lease_ms=self._timing.lease_ms
        )
        return Claimed(lease, state, dispatched.traceparent)

    def _set_aside(self, capture_id: str) -> None:
        """End the capture's stream as aborted, so that its gateway notices. If that fails too, the capture's state
        expires, and the recorder's sweep gives it its outcome."""
        with suppress(UnreadableValue):
            run_sync(
                self._broker, captures.end_stream(capture_id, TerminalEntry("abort", error_code="extraction_failed"))
            )


def forget_consumer(broker: Broker, consumer: str) -> None:
    """Remove a consumer that is gone from the groups, unless an entry is still pending under its name."""
    for shared_stream in (*QUEUES, keys.ERASURES):
        # a group that is gone has no consumers
        with suppress(UnreadableValue), broker_errors("frames"), suppress(redis.exceptions.ResponseError):
            if not broker.xpending_range(shared_stream, keys.EXTRACTOR_GROUP, "-", "+", 1, consumername=consumer):
                broker.xgroup_delconsumer(shared_stream, keys.EXTRACTOR_GROUP, consumer)
