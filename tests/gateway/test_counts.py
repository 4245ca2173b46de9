"""The numbers that the processes of one gateway share: what each may conclude from the rows of the others."""

from __future__ import annotations

import pytest

from gateway.counts import FRESH_S, HUNG_S, ProcessCounts, row_length


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def rows(clock: Clock, processes: int = 2) -> list[ProcessCounts]:
    numbers = [0.0] * row_length(processes)
    counts = [ProcessCounts(numbers, index, clock) for index in range(processes)]
    for each in counts:
        each.note_alive()
    return counts


def test_the_captures_of_all_processes_count_against_the_limit(clock: Clock) -> None:
    first, second = rows(clock)
    first.captures += 3
    second.captures += 2
    assert (first.captures, second.captures) == (3, 2)
    assert first.all_captures == second.all_captures == 5
    second.clear()
    assert first.all_captures == 3, "the captures of a process that died are not open"


def test_the_process_with_the_least_to_do_is_next(clock: Clock) -> None:
    first, second = rows(clock)
    assert first.is_next(0.0) and second.is_next(0.0)
    assert first.is_next(10.0) is False
    assert second.is_next(9.0)
    assert first.is_next(9.5), "a sixteenth more is no reason to wait for the other one"
    assert not first.is_next(9.7)


def test_a_process_that_does_not_turn_or_died_takes_no_part_in_the_balance(clock: Clock) -> None:
    first, second = rows(clock)
    assert not first.is_next(5.0)
    clock.now += FRESH_S + 0.1
    first.note_alive()
    assert first.is_next(5.0)
    second.note_alive()
    assert not first.is_next(5.0)
    second.clear()
    assert first.is_next(5.0)


def test_one_process_alone_is_always_next() -> None:
    assert ProcessCounts().is_next(1_000.0)
    assert ProcessCounts().processes == 1


def test_a_process_hangs_if_it_turned_once_and_then_no_more(clock: Clock) -> None:
    first, _ = rows(clock)
    clock.now += HUNG_S
    assert not first.is_hung()
    clock.now += 0.1
    assert first.is_hung()
    first.clear()
    assert not first.is_hung(), "the next one is still loading its modules"


def test_the_videos_of_one_address_count_at_all_processes(clock: Clock) -> None:
    first, second = rows(clock)
    first.add_arriving("192.0.2.1", 1)
    second.add_arriving("192.0.2.1", 1)
    second.add_arriving("192.0.2.2", 1)
    assert first.arriving("192.0.2.1") == second.arriving("192.0.2.1") == 2
    assert first.arriving("192.0.2.2") == 1
    assert second.arriving_here() == {"192.0.2.1": 1, "192.0.2.2": 1}
    second.add_arriving("192.0.2.1", -1)
    assert first.arriving("192.0.2.1") == 1
    assert second.arriving_here() == {"192.0.2.2": 1}
