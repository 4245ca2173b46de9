"""Clocks that stop while a client cannot be blamed for waiting. No I/O."""

from __future__ import annotations

__all__ = ["HeldClock", "RunningClock"]


class HeldClock:
    """A monotonic clock, in seconds, minus the time for which it was stopped, but at most ``max_wait_s`` of it."""

    def __init__(self, max_wait_s: float) -> None:
        self._max_wait_s = max_wait_s
        self._held_s = 0.0
        self._held_since: float | None = None

    def hold(self, held: bool, now: float) -> None:
        """Stop the clock at ``now`` if ``held``, else let it run."""
        self._held_s = self._total_held_s(now)
        self._held_since = now if held else None

    def time(self, now: float) -> float:
        """The clock's time at ``now``."""
        return now - min(self._total_held_s(now), self._max_wait_s)

    def exhausted(self, now: float) -> bool:
        """Whether the clock runs again although the capture is held back: it was stopped for ``max_wait_s`` already."""
        return self._held_since is not None and self._total_held_s(now) >= self._max_wait_s

    def _total_held_s(self, now: float) -> float:
        return self._held_s + (now - self._held_since if self._held_since is not None else 0.0)


class RunningClock:
    """A monotonic clock, in seconds, minus the time for which this process did not run: it was paused, or other
    processes had all processors. What its clients sent meanwhile is still to be read, and is not late.

    `tick` is called every ``period_s``; a call that comes more than a period late stops the clock for what it is late.
    """

    def __init__(self, period_s: float, now: float) -> None:
        self._period_s = period_s
        self._ticked_at = now
        self._stopped_s = 0.0

    def tick(self, now: float) -> float:
        """Note that the process runs at ``now``; the clock's time."""
        late_s = now - self._ticked_at - self._period_s
        if late_s > self._period_s:
            self._stopped_s += late_s
        self._ticked_at = now
        return self.time(now)

    def time(self, now: float) -> float:
        """The clock's time at ``now``."""
        return now - self._stopped_s
