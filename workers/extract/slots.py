"""The captures that one extractor process has in hand, and when it takes another one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from workers.extract.deliveries import is_last_try
from workers.extract.dispatch import Claimed, Dispatch
from workers.extract.heartbeat import FrameClock

__all__ = ["Slots", "is_alone", "takes_another"]

LOOK_S = 0.5
"""A process that has a capture in hand looks for another one so often. A process without one waits at the broker and is
served first."""

MOST_LOAD = 1.2
"""How much of its time a process may be expected to need. Takes have pauses, so a fifth too much is caught up; more
would let all of its cameras fall behind, and then the capture waits better for another process."""


class Slots:
    """The captures in hand. Each thread of the extractor calls `take` and `holding`; one of them at a time looks."""

    def __init__(self, dispatch: Dispatch, clock: FrameClock, stop: threading.Event) -> None:
        self._dispatch = dispatch
        self._clock = clock
        self._stop = stop
        self._looking = threading.Lock()
        self._changed = threading.Condition()
        self._held: list[Claimed] = []
        self._rest_until_s = 0.0

    def take(self) -> Claimed | None:
        """Claim a capture: any one if none is in hand, else one that `takes_another` allows. None if there is none so
        far, or if the process stops.

        Raises:
            BrokerUnavailable: as `Dispatch.take`.
        """
        with self._looking:
            self._stop.wait(max(0.0, self._rest_until_s - time.monotonic()))
            if self._stop.is_set():
                return None
            claimed = self._another() if self._held else self._dispatch.take()
            if claimed is not None:
                with self._changed:
                    self._held.append(claimed)
            return claimed

    @contextmanager
    def holding(self, claimed: Claimed) -> Iterator[None]:
        """Give the slot of a capture from `take` back when the block ends."""
        try:
            yield
        finally:
            with self._changed:
                self._held.remove(claimed)
                self._changed.notify_all()

    def rest(self, seconds: float) -> None:
        """Take nothing for so long: another process shall have what this one failed at."""
        self._rest_until_s = max(self._rest_until_s, time.monotonic() + seconds)

    def _another(self) -> Claimed | None:
        began_s, busy_s = time.monotonic(), self._clock.busy_s()
        with self._changed:
            if self._changed.wait_for(lambda: not self._held, LOOK_S):
                return None  # the next call takes any capture
            held = list(self._held)
        share = (self._clock.busy_s() - busy_s) / (time.monotonic() - began_s)
        if not takes_another(held, share):
            return None
        return self._dispatch.take_beside({one.lease.dispatch_id for one in held})


def takes_another(held: Sequence[Claimed], share: float) -> bool:
    """Whether a process with these captures in hand takes another camera's, which is expected to need as much time as
    each of them does. ``share`` is how much of its time they took just now, 0 to 1.

    A capture whose frames are all there takes all of it: a second one would only make both slower.
    """
    return not any(map(is_alone, held)) and share * (len(held) + 1) / len(held) <= MOST_LOAD


def is_alone(claimed: Claimed) -> bool:
    """Whether a capture has the process for itself.

    A video does: while it is decoded, the memory of the whole process is limited. So does a capture at its last try,
    which then fails by its own fault, and not because another one ends the process.
    """
    return claimed.state.window.video is not None or is_last_try(claimed.state.deliveries)
