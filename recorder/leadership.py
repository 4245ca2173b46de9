"""Who is the active recorder: a key in the events broker that its holder renews."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from prometheus_client import CollectorRegistry

from contracts.broker.roles import AsyncBroker
from contracts.broker.script import run
from contracts.process.background import BackgroundErrors
from contracts.process.logs import get_logger
from contracts.process.retry import pause
from contracts.rules.errors import BrokerUnavailable, UnreadableValue
from contracts.state import recording

__all__ = ["Leadership"]

RENEW_S = 1.0

_log = get_logger()


class Leadership:
    """This process's claim to be the active recorder.

    ``term`` counts how often it became the leader: in a new term, another one may have been active in between.
    ``on_term`` is called at each.
    Leadership keeps two recorders from doing the same work; that nothing is written twice is the writer's doing.
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

    @property
    def leads(self) -> bool:
        """Whether this process is the active recorder, as far as it can know: a process that was paused, or that
        does not reach the broker, knows by its own clock that its time has run out."""
        return time.monotonic() < self._until_s

    async def renew(self) -> bool:
        """Become or stay the active recorder.

        Raises:
            BrokerUnavailable: it is unknown who leads; a leadership that was held lasts until its time runs out.
        """
        led, asked_at_s = self.leads, time.monotonic()
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
        """Renew every second until ``stopping``, whatever goes wrong with it."""
        while not stopping.is_set():
            try:
                with suppress(BrokerUnavailable):  # the consumer meets it too, and reports it
                    await self.renew()
            except Exception as error:
                self._errors.note("leadership", error)
            await pause(RENEW_S, stopping)

    async def resign(self) -> None:
        """Let a standby in at once; best effort, since the key lapses by itself."""
        self._until_s = 0.0
        with suppress(BrokerUnavailable, UnreadableValue):
            await run(self._events, recording.release_leadership(self.me))
