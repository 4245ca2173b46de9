"""How many of a client's frames are dropped, and when it is told to send fewer. No I/O, no clock.

    NORMAL ──over the drop threshold──> WARNING ──over the slow-down threshold──> CRITICAL: slow_down, once
      ^                                    │ ^                                        │
      └────at or below the drop threshold──┘ └──at or below the slow-down threshold───┘

An episode begins with CRITICAL and ends with NORMAL; however often the rate swings in between, the client is told once.
"""

from __future__ import annotations

from collections import deque
from enum import Enum

__all__ = ["LEAST_FRAMES", "WINDOW_FRAMES", "Backpressure", "BackpressureState"]

WINDOW_FRAMES = 60
"""How many frames the rate looks back: four seconds at 15 frames a second. What was dropped before is forgiven."""

LEAST_FRAMES = 20
"""The rate is drops among at least so many: one slow first frame is no flood."""


class BackpressureState(Enum):
    """How a connection keeps up."""

    NORMAL = "normal"
    WARNING = "warning"
    CRITICAL = "critical"


class Backpressure:
    """The drop rate of one connection. ``warning`` and ``critical`` drop nothing by themselves."""

    __slots__ = ("_drops", "_episode", "_recent", "drop_threshold", "slowdown_threshold")

    def __init__(self, drop_threshold: float, slowdown_threshold: float) -> None:
        self.drop_threshold = drop_threshold
        self.slowdown_threshold = slowdown_threshold
        self._recent: deque[bool] = deque(maxlen=WINDOW_FRAMES)
        self._drops = 0
        self._episode = False

    def note(self, *, dropped: bool) -> bool:
        """Count one frame more; whether the client is to be told now to slow down. Only a drop can raise the rate, so
        that is true right after a drop only."""
        if len(self._recent) == WINDOW_FRAMES:
            self._drops -= self._recent[0]
        self._recent.append(dropped)
        self._drops += dropped
        state = self.state
        if state is BackpressureState.NORMAL:
            self._episode = False
        tell = state is BackpressureState.CRITICAL and not self._episode
        self._episode |= tell
        return tell

    @property
    def drop_rate(self) -> float:
        """The share of the last frames that were dropped."""
        return self._drops / max(len(self._recent), LEAST_FRAMES)

    @property
    def state(self) -> BackpressureState:
        """Where the rate is between the thresholds; a rate that equals one is below it."""
        rate = self.drop_rate
        if rate > self.slowdown_threshold:
            return BackpressureState.CRITICAL
        return BackpressureState.WARNING if rate > self.drop_threshold else BackpressureState.NORMAL
