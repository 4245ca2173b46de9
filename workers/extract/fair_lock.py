"""Turns: of the threads that have work, one works at a time, and the one that has waited longest is the next."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["FairLock"]


class FairLock:
    """A lock that is given in the order in which it was asked for. `threading.Lock` promises no order: of two captures
    whose frames are always there, one could keep the other waiting."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._issued = 0
        self._serving = 0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for this thread's turn, and keep it while the block runs. A block must not ask for another turn."""
        with self._changed:
            mine = self._issued
            self._issued += 1
            self._changed.wait_for(lambda: self._serving == mine)
        try:
            yield
        finally:
            with self._changed:
                self._serving += 1
                self._changed.notify_all()
