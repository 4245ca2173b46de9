"""The numbers that the processes of one gateway must know of each other: open captures, load, arriving videos. No I/O.

Each process writes its own row of an array of doubles, which may lie in memory that they share, and reads all rows. A
row's write is one aligned store, so no lock is needed. A gateway of one process has one row.
"""

from __future__ import annotations

import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, MutableSequence
from ctypes import Array, c_double

__all__ = ["HUNG_S", "ProcessCounts", "row_length"]

BUCKETS = 1024
"""The addresses of other processes' videos are counted by a checksum. Two addresses with the same one, of 1,024, share
their limit."""

_ALIVE_AT, _LOAD, _CAPTURES, _ARRIVING = 0, 1, 2, 3

LEEWAY = 1 / 16
"""By what share of its load a process may be ahead of another one. Without it a thousand new connections would need as
many turns of both."""

FRESH_S = 2.0
"""A process whose event loop has not turned for so long takes no part in the balance, in seconds."""

HUNG_S = 30.0
"""A process whose event loop has not turned for so long hangs, in seconds: as long as the three checks of `/livez`,
after which Kubernetes restarts a container."""


def row_length(processes: int) -> int:
    """How many doubles the rows of so many processes need."""
    return processes * (_ARRIVING + BUCKETS)


class ProcessCounts:
    """One process's view of all rows. ``index`` is its own, from 0; ``clock`` is the same in all processes."""

    def __init__(
        self,
        numbers: MutableSequence[float] | Array[c_double] | None = None,
        index: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._numbers: MutableSequence[float] | Array[c_double] = [0.0] * row_length(1) if numbers is None else numbers
        self._own = index * row_length(1)
        self._clock = clock
        self._arriving: Counter[str] = Counter()

    @property
    def processes(self) -> int:
        """How many processes the gateway has."""
        return len(self._numbers) // row_length(1)

    @property
    def captures(self) -> int:
        """The open captures of this process."""
        return int(self._numbers[self._own + _CAPTURES])

    @captures.setter
    def captures(self, count: int) -> None:
        self._numbers[self._own + _CAPTURES] = count

    @property
    def all_captures(self) -> int:
        """The open captures of the gateway."""
        return int(sum(self._numbers[row + _CAPTURES] for row in self._rows()))

    def note_alive(self) -> None:
        """Note that this process's event loop turns."""
        self._numbers[self._own + _ALIVE_AT] = self._clock()

    def is_hung(self) -> bool:
        """Whether this process has said that it is alive, but not in the last `HUNG_S`."""
        alive_at = self._numbers[self._own + _ALIVE_AT]
        return alive_at > 0 and self._clock() - alive_at > HUNG_S

    def clear(self) -> None:
        """Forget this process's numbers: it died."""
        for place in range(self._own, self._own + row_length(1)):
            self._numbers[place] = 0.0

    # --- balance ----------------------------------------------------------------------------------

    def is_next(self, load: float) -> bool:
        """Note this process's load, and return whether it should accept the next connection: no other process that is
        alive has less to do, but for a `LEEWAY`."""
        self._numbers[self._own + _LOAD] = load
        fresh = self._clock() - FRESH_S
        return all(
            load * (1 - LEEWAY) <= self._numbers[row + _LOAD]
            for row in self._rows()
            if row != self._own and self._numbers[row + _ALIVE_AT] >= fresh
        )

    # --- videos -----------------------------------------------------------------------------------

    def arriving(self, peer: str) -> int:
        """How many videos arrive from this address, at all processes."""
        bucket = _bucket(peer)
        others = sum(self._numbers[row + bucket] for row in self._rows() if row != self._own)
        return self._arriving[peer] + int(others)

    def add_arriving(self, peer: str, change: int) -> None:
        """Count a video from this address, or with -1 no longer."""
        self._arriving[peer] += change
        if not self._arriving[peer]:
            del self._arriving[peer]
        self._numbers[self._own + _bucket(peer)] += change

    def arriving_here(self) -> dict[str, int]:
        """The videos that arrive at this process, by address."""
        return dict(self._arriving)

    def _rows(self) -> Iterator[int]:
        return iter(range(0, len(self._numbers), row_length(1)))


def _bucket(peer: str) -> int:
    return _ARRIVING + zlib.crc32(peer.encode()) % BUCKETS
