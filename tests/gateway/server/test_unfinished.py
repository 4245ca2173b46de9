"""All connections together hold at most a bounded number of bytes; over it, the largest holder is dropped."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.server.unfinished import Unfinished


@dataclass(eq=False)
class Holding:
    told: int = 0

    def drop_held_bytes(self) -> None:
        self.told += 1


def test_the_largest_holder_is_dropped_and_of_equals_the_oldest() -> None:
    unfinished = Unfinished(100)
    small, old, new = Holding(), Holding(), Holding()
    for holder, held_bytes in ((small, 20), (old, 40), (new, 40)):
        unfinished.hold(holder, held_bytes)
    assert unfinished.total_bytes == 100
    unfinished.hold(small, 21)
    assert (small.told, old.told, new.told, unfinished.total_bytes) == (0, 1, 0, 61)


def test_the_holder_that_asks_is_dropped_if_it_is_the_largest() -> None:
    unfinished = Unfinished(100)
    one, other = Holding(), Holding()
    unfinished.hold(one, 30)
    unfinished.hold(other, 71)
    assert (one.told, other.told, unfinished.total_bytes) == (0, 1, 30)


def test_a_holder_that_releases_its_bytes_is_forgotten() -> None:
    unfinished = Unfinished(100)
    one, other = Holding(), Holding()
    unfinished.hold(one, 30)
    unfinished.hold(one, 0)
    unfinished.hold(other, 50)
    unfinished.release(other)
    unfinished.release(other)
    assert unfinished.total_bytes == 0 and not unfinished._held
