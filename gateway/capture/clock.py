"""A clock that stops while a capture is held back, for a limited time in total. No I/O."""

from __future__ import annotations

__all__ = ["HeldClock"]


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
