"""The order of frames: sessions share a worker's time, and a cheap frame waits briefly. No I/O, no clock.

Fair queueing by virtual finish times (Demers, Keshav and Shenker, 1989): a session's frame begins where its last one
ended, or now, and ends its own cost later; the frame that ends first is next. So ten sessions that send pictures of a
second each get as much time as the eleventh, whose picture takes a hundredth, and not a hundred times as much.
"""

from __future__ import annotations

from collections.abc import Set
from typing import NamedTuple

from contracts.rules.errors import InvalidJpeg
from contracts.rules.jpeg import check_scans, jpeg_header

__all__ = ["LiveQueue", "frame_cost"]

INFERENCE_COST = 8 * 1_048_576
"""The cost of a pipeline's 30 ms, in the samples that a decoder reads in that time."""

BEGINNING_COST = 4 * INFERENCE_COST
"""The cost of making a session's pipeline at its first frame. The session pays it from its second frame on, so that
the first one does not wait."""


def frame_cost(payload: bytes) -> int:
    """The estimated cost of a frame, in samples. Bytes that are no JPEG cost 0: they are refused at once."""
    try:
        return INFERENCE_COST + check_scans(payload, jpeg_header(payload))
    except InvalidJpeg:
        return 0


class _Waiting(NamedTuple):
    ends: int
    number: int
    cost: int
    entry_id: bytes


class LiveQueue:
    """The known frames in a worker's inbox, by their entries' IDs. ``len`` counts them."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []
        self._ends: dict[str, int] = {}
        self._now = 0
        self._added = 0
        self.last_id = b"0-0"

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, entry_id: bytes, live_id: str, cost: int) -> None:
        """Add a session's frame."""
        ends = max(self._now, self._ends.get(live_id, 0)) + cost
        owes = 0 if live_id in self._ends else BEGINNING_COST
        self._ends[live_id] = ends + owes
        self._added += 1
        self._waiting.append(_Waiting(ends, self._added, cost + owes, entry_id))
        self.last_id = entry_id

    def next(self) -> bytes | None:
        """Take the next frame; None if none waits."""
        if not self._waiting:
            return None
        chosen = min(self._waiting)
        self._waiting.remove(chosen)
        # virtual time, as if all were served at once; without it new sessions would always go first
        self._now += chosen.cost // (len(self._waiting) + 1)
        if not self._waiting:
            self.last_id = b"0-0"  # the inbox is read from its beginning: a broker's clock may have been set back
        return chosen.entry_id

    def keep(self, live_ids: Set[str]) -> None:
        """Forget all sessions but these."""
        self._ends = {live_id: ends for live_id, ends in self._ends.items() if live_id in live_ids}
