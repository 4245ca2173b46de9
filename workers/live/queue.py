"""Whose frame is next: the sessions share a worker's time, and who asks for little waits little. No I/O, no clock.

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
"""What a pipeline costs, as samples that a decoder reads in that time: 30 ms."""

BEGINNING_COST = 4 * INFERENCE_COST
"""What a session's first frame costs beside that: its pipeline is made. The session owes it from its second frame on:
the first one is not kept waiting."""


def frame_cost(payload: bytes) -> int:
    """About how long a frame takes, in samples. What is no JPEG takes nothing, it is refused at once."""
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
    """The frames in a worker's inbox that it knows of, by their entries' IDs. ``len`` counts them."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []
        self._ends: dict[str, int] = {}
        self._now = 0
        self._added = 0
        self.last_id = b"0-0"

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, entry_id: bytes, live_id: str, cost: int) -> None:
        """A session's frame has come."""
        ends = max(self._now, self._ends.get(live_id, 0)) + cost
        owes = 0 if live_id in self._ends else BEGINNING_COST
        self._ends[live_id] = ends + owes
        self._added += 1
        self._waiting.append(_Waiting(ends, self._added, cost + owes, entry_id))
        self.last_id = entry_id

    def next(self) -> bytes | None:
        """Take the frame that is next; None if none waits."""
        if not self._waiting:
            return None
        chosen = min(self._waiting)
        self._waiting.remove(chosen)
        # as time passes for each if all are served at once; without it newcomers would always go before others
        self._now += chosen.cost // (len(self._waiting) + 1)
        if not self._waiting:
            self.last_id = b"0-0"  # the inbox is read from its beginning: a broker's clock may have been set back
        return chosen.entry_id

    def keep(self, live_ids: Set[str]) -> None:
        """Forget all other sessions."""
        self._ends = {live_id: ends for live_id, ends in self._ends.items() if live_id in live_ids}
