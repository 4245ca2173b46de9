"""Who is drawn for next. A picture takes a thread for a while, so a few are drawn at once and the others wait.

Contact sheets go before animations, which take a hundred times as long and never have all threads; among equals the
client that was served longest ago, then the capture, then who came first. A request that is left gives its turn up.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import count

__all__ = ["DRAWN_AT_ONCE", "Turn", "Turns"]

DRAWN_AT_ONCE = 2
"""Each takes a thread, and the memory of one artifact and of its pictures."""

_MOVING_AT_ONCE = 1


@dataclass(eq=False, slots=True)
class Turn:
    """One request: ``begun`` is set when it may be drawn."""

    peer: str
    capture_id: str
    is_moving: bool
    number: int
    begun: asyncio.Event = field(default_factory=asyncio.Event)


class Turns:
    """The requests that wait and those that are drawn."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._waiting: list[Turn] = []
        self._drawn: list[Turn] = []
        self._served: dict[str, int] = {}

    @property
    def drawn(self) -> int:
        """How many are drawn now."""
        return len(self._drawn)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def join(self, peer: str, capture_id: str, *, is_moving: bool) -> Turn:
        """Wait for a turn. The caller must leave it, whether its work succeeds or fails."""
        turn = Turn(peer, capture_id, is_moving, next(self._numbers))
        self._waiting.append(turn)
        self._begin()
        return turn

    def leave(self, turn: Turn) -> None:
        """It is drawn, or not wanted any more."""
        for where in (self._waiting, self._drawn):
            if turn in where:
                where.remove(turn)
        self._begin()
        here = {name for turn in self._waiting for name in (turn.peer, f"/{turn.capture_id}")}
        self._served = {name: number for name, number in self._served.items() if name in here}

    def _begin(self) -> None:
        while len(self._drawn) < DRAWN_AT_ONCE:
            moving = sum(turn.is_moving for turn in self._drawn)
            able = [turn for turn in self._waiting if not turn.is_moving or moving < _MOVING_AT_ONCE]
            if not able:
                return
            turn = min(able, key=self._rank)
            self._waiting.remove(turn)
            self._drawn.append(turn)
            self._served[turn.peer] = self._served[f"/{turn.capture_id}"] = next(self._numbers)
            turn.begun.set()

    def _rank(self, turn: Turn) -> tuple[bool, int, int, int]:
        served = self._served
        return turn.is_moving, served.get(turn.peer, 0), served.get(f"/{turn.capture_id}", 0), turn.number
