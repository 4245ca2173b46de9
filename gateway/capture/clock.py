"""A clock that stands still while a capture is held back, for a bounded time in all. No I/O."""

from __future__ import annotations

__all__ = ["HeldClock"]


class HeldClock:
    """Seconds of a monotonic clock, less the time spent held back, at most ``max_wait_s`` of it."""

    def __init__(self, max_wait_s: float) -> None:
        self._max_wait_s = max_wait_s
        self._stood_s = 0.0
        self._held_since: float | None = None

    def hold(self, held: bool, now: float) -> None:
        """From ``now`` on the clock stands still, or runs."""
        self._stood_s = self._stood(now)
        self._held_since = now if held else None

    def time(self, now: float) -> float:
        """What the clock shows."""
        return now - min(self._stood(now), self._max_wait_s)

    def exhausted(self, now: float) -> bool:
        """Whether it would stand still now, but has done so for as long as it may."""
        return self._held_since is not None and self._stood(now) >= self._max_wait_s

    def _stood(self, now: float) -> float:
        return self._stood_s + (now - self._held_since if self._held_since is not None else 0.0)
