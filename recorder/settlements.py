"""What the broker is to be told of lines that are in their files: that their entries are done."""

from __future__ import annotations

import time
from collections.abc import Callable

from contracts.broker.roles import AsyncBroker
from contracts.broker.script import run
from contracts.state.records import Settlement, settle_all

__all__ = ["MAX_WAIT_S", "Settlements"]

MAX_ENTRIES = 128
MAX_WAIT_S = 0.02
"""How long an entry that is in its file may wait for others; to that may come one append that waits for a lock."""


class Settlements:
    """Settles entries many at a time: a round trip for each cost more than all else that is done for a line.

    One that was not sent, or whose answer was lost, is still pending in the group. It comes again, the writer finds its
    line, and it is settled then.
    """

    def __init__(self, events: AsyncBroker, on_settled: Callable[[float | None], None]) -> None:
        self._events = events
        self._on_settled = on_settled
        self._waiting: list[Settlement] = []
        self._since_s = 0.0

    def add(self, settlement: Settlement) -> None:
        """Settle this one with the next `send`."""
        if not self._waiting:
            self._since_s = time.monotonic()
        self._waiting.append(settlement)

    @property
    def due(self) -> bool:
        """Whether `send` must not wait for more of them."""
        if len(self._waiting) < MAX_ENTRIES:
            return bool(self._waiting) and time.monotonic() >= self._since_s + MAX_WAIT_S
        return True

    async def send(self) -> None:
        """Settle all that wait.

        Raises:
            BrokerUnavailable: nobody knows whether they are settled; they are let go.
        """
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for took_s in await run(self._events, settle_all(waiting)):
                self._on_settled(took_s)
