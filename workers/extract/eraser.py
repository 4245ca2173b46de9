"""The thread that erases: it removes the artifacts of captures that are to be erased, and publishes that they are gone.

It is a thread of its own because an extractor may be busy with one capture for two minutes, and with an upload for an
hour. Every step may be repeated, so a request is acknowledged only after its event is published, and one that failed or
whose extractor died is tried again by any extractor.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import redis

from contracts.broker import keys
from contracts.broker.roles import Broker, broker_errors, ensure_group_sync
from contracts.broker.script import run_sync
from contracts.process.logs import get_logger
from contracts.process.retry import repeat_sync
from contracts.rules.errors import ArtifactError, BrokerUnavailable, FatalError, UnreadableValue
from contracts.rules.formats import OtherFormat
from contracts.state import captures, erasures
from contracts.state.erasures import ErasureRequest
from workers.extract.heartbeat import end_for_good
from workers.extract.left import Entry, LeftEntries
from workers.metrics import ExtractorMetrics
from workers.vision.artifact import ArtifactStore, erase_artifact

__all__ = ["Eraser"]

POLL_MS = 1_000
"""How long a turn waits for a new request."""

AGAIN_MS = 5_000
"""A request that was not acknowledged for so long is tried again: its extractor died, or the store refused."""

log = get_logger()


class Eraser(threading.Thread):
    """Handles the requests of ``a3cp:erasures`` as one consumer of the extractors' group, over connections of its own.

    Args:
        stores: where artifacts may be; each is asked for the ``uri`` that an artifact of it has.
        stop: is set when the process must end. A request in hand may be cut off.
    """

    def __init__(
        self,
        frames: Broker,
        events: Broker,
        consumer: str,
        stores: Sequence[ArtifactStore],
        metrics: ExtractorMetrics,
        stop: threading.Event,
        *,
        on_fatal: Callable[[FatalError], None] = end_for_good,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(name="eraser", daemon=True)
        self._frames = frames
        self._events = events
        self._consumer = consumer
        self._left = LeftEntries(frames, consumer, metrics.left.labels("erasure").inc)
        self._stores = stores
        self._metrics = metrics
        self._stop_event = stop
        self._on_fatal = on_fatal
        self._clock = clock

    def run(self) -> None:
        """Call `turn` until ``stop`` is set. If a broker is away, the next turn tries again."""
        repeat_sync(self.turn, self._failed, stop=self._stop_event)

    def _failed(self, error: Exception, delay_s: float) -> None:
        if isinstance(error, FatalError):
            self._on_fatal(error)
        elif isinstance(error, BrokerUnavailable):
            log.warning("no erasures, retrying", detail=str(error), again_in_s=delay_s)
        else:
            self._metrics.background.note("eraser", error)

    def turn(self) -> None:
        """Handle one request that waits for another try, and one new one; wait `POLL_MS` for that.

        Raises:
            BrokerUnavailable: a broker did not answer; the request is tried again.
        """
        try:
            again = self._left.abandoned(keys.ERASURES, AGAIN_MS)
            if again is not None:
                self._handle(again)
            new = self._new(None if again is not None else POLL_MS)
            if new is not None:
                self._handle(new)
        except redis.exceptions.ResponseError as error:
            if not str(error).startswith(("NOGROUP", "UNBLOCKED")):
                raise
            ensure_group_sync(self._frames, "frames", keys.ERASURES, keys.EXTRACTOR_GROUP)

    def _new(self, block_ms: int | None) -> Entry | None:
        with broker_errors("frames"):
            reply: Any = self._frames.xreadgroup(
                keys.EXTRACTOR_GROUP, self._consumer, {keys.ERASURES: ">"}, count=1, block=block_ms
            )
        return reply[0][1][0] if reply else None

    def _handle(self, entry: Entry) -> None:
        entry_id = entry[0].decode()
        try:
            request = ErasureRequest.decode(entry[1] or {})
        except OtherFormat as error:
            self._left.leave(keys.ERASURES, entry[0], error, AGAIN_MS)
            return
        except ValueError as error:
            log.error("a request to erase cannot be read; it is dropped", entry_id=entry_id, detail=str(error))
            self._acknowledge(entry_id)
            return
        try:
            erased = self._erase(request)
        except OtherFormat as error:
            self._left.leave(keys.ERASURES, entry[0], error, AGAIN_MS)
            return
        except (ArtifactError, UnreadableValue) as error:
            self._metrics.erasures.labels("failed").inc()
            log.error("an artifact is not erased yet", capture_id=request.capture_id, detail=str(error))
            return
        self._acknowledge(entry_id)
        if erased:
            self._metrics.erasures.labels("erased").inc()
            log.info("artifact erased", capture_id=request.capture_id)

    def _erase(self, request: ErasureRequest) -> bool:
        """Remove the artifact, check that it is gone, and publish that; false if no gateway permits it.

        A gateway notes the request in the events broker before it asks. So an extractor that lost its lease and writes
        the artifact after the removal finds the note, and removes it again; and an entry that another client of the
        frames broker added removes nothing. If the note itself was lost, a gateway asks again.
        """
        if not erasures.is_allowed(self._events, request):
            log.warning("a request to erase that no gateway noted is dropped", capture_id=request.capture_id)
            return False
        erase_artifact(self._stores, request.user_id, request.session_id, request.record_id, request.uri)
        run_sync(self._events, erasures.publish(request, self._clock()))
        return True

    def _acknowledge(self, entry_id: str) -> None:
        run_sync(self._frames, captures.acknowledge(entry_id, keys.ERASURES))
