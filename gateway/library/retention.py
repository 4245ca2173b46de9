"""Retention: what a gateway erases because the time is over for which it was to be kept.

It is a withdrawal with erasure, one event for each capture. The event's bytes follow from the capture and its rule, so
whatever is cut off or done twice, the recorder writes the line once. One gateway process does it, and only what comes
due while its rule is watched: `contracts.state.retention`. All else waits for an operator.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from functools import partial
from uuid import UUID, uuid4

from contracts.broker import keys
from contracts.broker.roles import broker_errors
from contracts.broker.script import run
from contracts.messages.library import ConsentWithdrawn
from contracts.process.logs import get_logger
from contracts.process.retry import retry
from contracts.rules.errors import BrokerUnavailable, RecorderError, RequestRefused, UnreadableValue
from contracts.rules.ids import SCHEMA_VERSION
from contracts.rules.retention import RetentionRules
from contracts.state import retention
from contracts.state.events import EventEntry, event_bytes
from gateway.library.due import DueCapture, DueSpan, count_due, read_due
from gateway.library.erasures import Erasures
from gateway.library.library import Library
from gateway.sessions.recording import record
from gateway.state import GatewayState

__all__ = ["BATCH", "Retention", "event_of"]

LOOK_S = 60.0
"""How often the rules are heeded, in seconds."""

BATCH = 100
"""How many captures one turn withdraws at most."""

MOST_QUEUED = 1_000
"""While so many events wait for the recorder, nothing is withdrawn: a recorder that is away for days must not find
the same events once for every minute."""

log = get_logger()


def event_of(due: DueCapture) -> ConsentWithdrawn:
    """The withdrawal of a capture whose time is over. The same capture and moment have the same event, byte by byte."""
    text = "\n".join(("retention", due.user_id, due.session_id, due.capture_id))
    return ConsentWithdrawn(
        schema_version=SCHEMA_VERSION,
        record_id=str(UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4)),
        user_id=due.user_id,
        session_id=due.session_id,
        timestamp=due.due_at,
        performer_id="system",
        capture_id=due.capture_id,
        erase=True,
        reason="retention",
    )


class Retention:
    """Retention in one gateway process. ``read_rules`` reads the settings and the studies' files; it blocks."""

    def __init__(
        self, state: GatewayState, library: Library, erasures: Erasures, read_rules: Callable[[], RetentionRules]
    ) -> None:
        self._state = state
        self._library = library
        self._erasures = erasures
        self._read_rules = read_rules
        self._me = uuid4().hex
        self._watches = False
        self._away = False
        self._refused: set[DueCapture] = set()

    async def rules(self) -> RetentionRules:
        """The rules as they are now.

        Raises:
            RequestRefused: 500 ``studies_unreadable``.
        """
        try:
            return await asyncio.to_thread(self._read_rules)
        except OSError as error:
            log.warning("cannot read the folder of the studies", exc_info=error)
            raise RequestRefused(500, "studies_unreadable", "The folder of the studies cannot be read.") from error

    async def run(self, on_error: Callable[[Exception], None]) -> None:
        """Call `turn` every `LOOK_S` after the catalog's first pass, and at once while there is more to do.
        ``on_error`` is given an unexpected error."""
        await self._library.first_pass.wait()
        while True:
            more = False
            try:
                more = await self.turn()
                self._away = False
            except (BrokerUnavailable, RequestRefused, UnreadableValue) as error:
                if not self._away:
                    log.warning("cannot heed the retention, retrying", detail=str(error))
                self._away = True
            except Exception as error:
                on_error(error)
            await asyncio.sleep(0 if more else LOOK_S)

    async def turn(self) -> bool:
        """Withdraw a batch of what came due while it was watched. Returns whether there may be more.

        Raises:
            BrokerUnavailable, UnreadableValue: the events broker does not answer as it should.
            RequestRefused: the library, the studies or the recorder cannot be used now.
        """
        rules = (await self.rules()).all()
        watch = await run(self._state.events, retention.watch(self._me, rules)) if rules else None
        if watch is None:
            if self._watches:
                self._state.metrics.retention_waits.set(0)
            self._watches = False
            return False
        self._watches = True
        past = [DueSpan(rule, since) for rule, since in watch.since.items()]
        waits = await self._library.read(partial(count_due, spans=past), whole=True)
        self._state.metrics.retention_waits.set(waits)
        if await self._is_queue_full():
            return False
        return await self._withdraw_batch([DueSpan(rule, watch.now, since) for rule, since in watch.since.items()])

    async def _withdraw_batch(self, spans: list[DueSpan]) -> bool:
        most = BATCH + len(self._refused)
        found = await self._library.read_now(partial(read_due, spans=spans, most=most))
        due = [each for each in found if each not in self._refused]
        await self.withdraw(due[:BATCH])
        return len(due) >= BATCH

    async def _is_queue_full(self) -> bool:
        async def count() -> int:
            with broker_errors("events"):
                return int(await self._state.events.xlen(keys.EVENTS))

        return await retry(count) >= MOST_QUEUED

    async def withdraw(self, due: Iterable[DueCapture]) -> int:
        """Withdraw captures whose time is over, and have them erased. One whose log cannot be written is left, and
        tried again by the next process. Returns how many were withdrawn.

        Raises:
            BrokerUnavailable: the events broker does not answer.
            RequestRefused: 503 ``recorder_unavailable``: no recorder answers. What is queued will be recorded.
        """
        done = 0
        try:
            for each in due:
                event = event_of(each)
                entry = EventEntry(event_bytes(event), event.user_id, event.session_id, event.record_id)
                try:
                    await record(self._state, entry)
                    done += 1
                except RecorderError as error:
                    log.error("a capture whose time is over cannot be withdrawn", capture_id=each.capture_id,
                              detail=str(error))  # fmt: skip
                    self._refused.add(each)
        finally:
            if done:
                log.info("captures are erased because their time is over", captures=done)
                self._erasures.ask_soon()
        return done
