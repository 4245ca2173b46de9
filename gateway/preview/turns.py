"""Decide which request's picture is drawn next. Drawing keeps a thread busy, so only a few are drawn at once.

Contact sheets come before animations, which take a hundred times as long and may not use all threads. Then the client
whose last picture was drawn longest ago comes first, then the capture drawn longest ago, then the oldest request.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import count

__all__ = ["DRAWN_AT_ONCE", "Turn", "Turns"]

DRAWN_AT_ONCE = 2
"""How many pictures are drawn at once. Each needs a thread, and memory for an artifact and its pictures."""

_MOVING_AT_ONCE = 1


@dataclass(eq=False, slots=True)
class Turn:
    """One request. ``begun`` is set when its picture may be drawn."""

    peer: str
    capture_id: str
    is_moving: bool
    number: int
    begun: asyncio.Event = field(default_factory=asyncio.Event)


class Turns:
    """The requests that wait, and those whose pictures are being drawn."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._waiting: list[Turn] = []
        self._drawn: list[Turn] = []
        self._served: dict[str, int] = {}

    @property
    def drawn(self) -> int:
        """How many pictures are being drawn."""
        return len(self._drawn)

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return len(self._waiting)

    def join(self, peer: str, capture_id: str, *, is_moving: bool) -> Turn:
        """Add a request. The caller must call `leave` afterwards, also if the drawing fails."""
        turn = Turn(peer, capture_id, is_moving, next(self._numbers))
        self._waiting.append(turn)
        self._begin()
        return turn

    def leave(self, turn: Turn) -> None:
        """Remove a request: its picture is drawn, or no longer needed."""
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
