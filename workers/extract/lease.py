"""Who has which capture: the dispatch groups, and the lease that its pending entry is.

Being delivered a dispatch entry is the lease; the claim script's token is the proof. A lease not renewed for
``lease_ms`` is taken over by the extractor that asks first, and every older token is void from then on.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import redis

from contracts.broker import keys
from contracts.broker.roles import Broker, broker_errors, ensure_group_sync
from contracts.broker.script import run_sync
from contracts.process.logs import get_logger
from contracts.rules.errors import BrokerUnavailable, LeaseLost, UnreadableValue
from contracts.rules.ids import is_identifier
from contracts.state import captures
from contracts.state.captures import CaptureState
from contracts.state.dispatch import DispatchEntry
from contracts.state.frame import TerminalEntry

__all__ = ["QUEUES", "Claimed", "Dispatch", "Lease", "Timing", "forget_consumer"]

log = get_logger()


@dataclass(frozen=True, slots=True)
class Timing:
    """Every interval of an extractor.

    Attributes:
        lease_ms: a lease not renewed for so long may be taken over.
        heartbeat_s: how often a lease is renewed.
        alive_s: how often the process says that it is there.
        poll_ms: how long to wait for a new capture before looking for an abandoned one.
        read_ms: how long to wait for a frame before looking up.
        frame_deadline_s: a frame that takes longer ends the process.
        quiet_s: a gateway silent for so long is lost.
        patience_s: how long a file system that refuses is tried again.
        finish_s: how long a capture in hand may still take when the process is told to stop.
    """

    lease_ms: int = 5_000
    heartbeat_s: float = 1.0
    alive_s: float = 2.0
    poll_ms: int = 2_000
    read_ms: int = 1_000
    frame_deadline_s: float = 10.0
    quiet_s: float = 10.0
    patience_s: float = 60.0
    finish_s: float = 5.0


class Lease:
    """One capture in hand. Its methods may be called from the job's thread and from the heartbeat's."""

    def __init__(
        self, capture_id: str, dispatch_id: str, token: str, consumer: str, queue: str = keys.CAPTURES
    ) -> None:
        self.capture_id = capture_id
        self.dispatch_id = dispatch_id
        self.queue = queue
        self.token = token
        self._consumer = consumer
        self._lost = threading.Event()
        self._renewing = threading.Lock()
        self._dropped = False

    def check(self) -> None:
        """Return if this extractor still has the capture, as far as it knows.

        Raises:
            LeaseLost: a script has said that another extractor has it.
        """
        if self._lost.is_set():
            raise LeaseLost(f"capture {self.capture_id} is another extractor's now")

    def confirm(self, is_mine: bool) -> None:
        """Take in what a fenced script said: false means that the capture is another's.

        Raises:
            LeaseLost: it is, or was known to be.
        """
        if not is_mine:
            self._lost.set()
        self.check()

    def renew(self, broker: Broker) -> None:
        """Keep the capture's keys and its lease, unless it was dropped; a lost lease is only noted.

        Raises:
            BrokerUnavailable: the broker is away.
        """
        with self._renewing:
            if self._dropped or self._lost.is_set():
                return
            if not run_sync(broker, captures.heartbeat(self.capture_id, self.token)):
                self._lost.set()
                return
            with broker_errors("frames"):  # JUSTID: renewing is not a delivery
                broker.xclaim(
                    self.queue, keys.EXTRACTOR_GROUP, self._consumer, 0, [self.dispatch_id], justid=True
                )  # fmt: skip

    def drop(self) -> None:
        """No renewal happens after this returns."""
        with self._renewing:
            self._dropped = True


@dataclass(frozen=True, slots=True)
class Claimed:
    """A capture just taken: its lease, and what its state said."""

    lease: Lease
    state: CaptureState


QUEUES = (keys.CAPTURES, keys.UPLOADS)
"""In the order in which they are asked: a person waits at a camera, but not at a video."""


class Dispatch:
    """The extractors' group of each queue, as one consumer sees it."""

    def __init__(self, broker: Broker, consumer: str, timing: Timing) -> None:
        self._broker = broker
        self._consumer = consumer
        self._timing = timing
        self._recover = True  # entries whose delivery never reached us are pending under our name

    def take(self) -> Claimed | None:
        """Take over an abandoned capture, or one whose frames wait in a video, or wait up to ``poll_ms`` for a new
        one; None if there is none, or none that still needs work.

        Raises:
            BrokerUnavailable: the broker is away; nothing is lost, an entry delivered meanwhile is found next time.
        """
        try:
            found = self._waiting()
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

    def done(self, lease: Lease) -> None:
        """The capture has its outcome: its dispatch entry goes. May be repeated."""
        self._acknowledge(lease.dispatch_id, lease.queue)

    def _acknowledge(self, dispatch_id: str, queue: str) -> None:
        run_sync(self._broker, captures.acknowledge(dispatch_id, queue))

    def hand_back(self, lease: Lease) -> None:
        """Another extractor may take the capture at once. May be repeated."""
        lease.drop()
        with broker_errors("frames"):
            self._broker.xclaim(
                lease.queue, keys.EXTRACTOR_GROUP, keys.RELEASED, 0, [lease.dispatch_id],
                idle=self._timing.lease_ms, justid=True,
            )  # fmt: skip

    def _waiting(self) -> tuple[str, _Entry] | None:
        """The next entry to claim, and its queue. One queue's are asked for at a time: a cluster has them apart."""
        if self._recover:
            for queue in QUEUES:
                with suppress(UnreadableValue):
                    if entry := self._read_group(queue, "0"):
                        return queue, entry
            self._recover = False
        unreadable = None
        for queue in QUEUES:
            try:
                if entry := self._abandoned(queue) or self._read_group(queue, ">"):
                    return queue, entry
            except UnreadableValue as error:  # the other one may be as it must be
                unreadable = error
        if unreadable is not None:
            raise unreadable
        entry = self._read_group(keys.CAPTURES, ">", self._timing.poll_ms)
        return (keys.CAPTURES, entry) if entry else None

    def _read_group(self, queue: str, entry_id: str, block_ms: int | None = None) -> _Entry | None:
        with broker_errors("frames"):
            reply: Any = self._broker.xreadgroup(
                keys.EXTRACTOR_GROUP, self._consumer, {queue: entry_id}, count=1, block=block_ms
            )
        entries = reply[0][1] if reply else []
        return entries[0] if entries else None

    def _abandoned(self, queue: str) -> _Entry | None:
        cursor = b"0-0"
        while True:
            with broker_errors("frames"):
                reply: Any = self._broker.xautoclaim(
                    queue, keys.EXTRACTOR_GROUP, self._consumer, self._timing.lease_ms, cursor, count=1
                )
            cursor, entries = reply[0], reply[1]
            if entries:
                return entries[0]  # type: ignore[no-any-return]
            if cursor == b"0-0":
                return None

    def _claim(self, queue: str, entry: _Entry) -> Claimed | None:
        dispatch_id, capture_id = entry[0].decode(), DispatchEntry.decode(entry[1]).capture_id
        state = None
        if is_identifier(capture_id):
            try:
                state = run_sync(self._broker, captures.claim(capture_id, dispatch_id))
            except UnreadableValue as error:
                log.error("a capture's state cannot be read; it is set aside", capture_id=capture_id, exc_info=error)
                self._set_aside(capture_id)
        if state is None:
            log.info("dispatch entry dropped", dispatch_id=dispatch_id, capture_id=capture_id)
            self._acknowledge(dispatch_id, queue)
            return None
        return Claimed(Lease(capture_id, dispatch_id, state.token, self._consumer, queue), state)

    def _set_aside(self, capture_id: str) -> None:
        """End its stream as aborted, so that its gateway notices. If not even that can be written, the capture's state
        lapses, and the recorder's sweep gives it its outcome."""
        with suppress(UnreadableValue):
            run_sync(
                self._broker, captures.end_stream(capture_id, TerminalEntry("abort", error_code="extraction_failed"))
            )


_Entry = tuple[bytes, Mapping[bytes, bytes]]


def forget_consumer(broker: Broker, consumer: str) -> None:
    """Take a consumer that is gone off the groups' lists, unless a capture is still pending under its name."""
    for queue in QUEUES:
        # a group that is gone lists no consumer
        with suppress(UnreadableValue), broker_errors("frames"), suppress(redis.exceptions.ResponseError):
            if not broker.xpending_range(queue, keys.EXTRACTOR_GROUP, "-", "+", 1, consumername=consumer):
                broker.xgroup_delconsumer(queue, keys.EXTRACTOR_GROUP, consumer)
