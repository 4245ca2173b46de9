"""Measure a client's drop rate, and decide when to ask the client to slow down. No I/O, no clock.

    NORMAL ──over the drop threshold──> WARNING ──over the slow-down threshold──> CRITICAL: slow_down, once
      ^                                    │ ^                                        │
      └────at or below the drop threshold──┘ └──at or below the slow-down threshold───┘

An episode begins with CRITICAL and ends with NORMAL. The gateway sends one slow_down per episode, even if the rate
becomes critical several times in it.
"""

from __future__ import annotations

from collections import deque
from enum import Enum

__all__ = ["LEAST_FRAMES", "WINDOW_FRAMES", "Backpressure", "BackpressureState"]

WINDOW_FRAMES = 60
"""The rate counts the drops among so many last frames: four seconds at 15 frames a second."""

LEAST_FRAMES = 20
"""The rate's divisor is at least this, so that a few drops at the beginning do not make a high rate."""


class BackpressureState(Enum):
    """How the drop rate compares with the two thresholds."""

    NORMAL = "normal"
    WARNING = "warning"
    CRITICAL = "critical"


class Backpressure:
    """The drop rate of one connection. The state itself never causes a drop."""

    __slots__ = ("_drops", "_episode", "_recent", "drop_threshold", "slowdown_threshold")

    def __init__(self, drop_threshold: float, slowdown_threshold: float) -> None:
        self.drop_threshold = drop_threshold
        self.slowdown_threshold = slowdown_threshold
        self._recent: deque[bool] = deque(maxlen=WINDOW_FRAMES)
        self._drops = 0
        self._episode = False

    def note(self, *, dropped: bool) -> bool:
        """Count one more frame. Returns whether to send ``slow_down`` now, which can only be after a drop."""
        if len(self._recent) == WINDOW_FRAMES:
            self._drops -= self._recent[0]
        self._recent.append(dropped)
        self._drops += dropped
        state = self.state
        if state is BackpressureState.NORMAL:
            self._episode = False
        slow_down = state is BackpressureState.CRITICAL and not self._episode
        self._episode |= slow_down
        return slow_down

    @property
    def drop_rate(self) -> float:
        """The drops among the last `WINDOW_FRAMES` frames, divided by their number or by `LEAST_FRAMES`; 0 to 1."""
        return self._drops / max(len(self._recent), LEAST_FRAMES)

    @property
    def state(self) -> BackpressureState:
        """The state for the current rate. A rate that equals a threshold does not exceed it."""
        rate = self.drop_rate
        if rate > self.slowdown_threshold:
            return BackpressureState.CRITICAL
        return BackpressureState.WARNING if rate > self.drop_threshold else BackpressureState.NORMAL
