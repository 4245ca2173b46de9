"""Clients that read none of the bytes that wait for them."""

from __future__ import annotations

from gateway.server.stalls import Stalls, largest


def test_a_client_that_takes_nothing_for_long_enough_has_stalled() -> None:
    stalls: Stalls[str] = Stalls(within_s=10)
    assert stalls.update({"deaf": 5, "well": 0}, 0) == []
    assert stalls.update({"deaf": 5, "well": 0}, 9.9) == []
    assert stalls.update({"deaf": 5, "well": 0}, 10) == ["deaf"]


def test_a_client_to_which_more_is_written_is_still_stalled() -> None:
    stalls: Stalls[str] = Stalls(within_s=10)
    stalls.update({"deaf": 5}, 0)
    stalls.update({"deaf": 9}, 5)
    assert stalls.update({"deaf": 9}, 10) == ["deaf"]


def test_a_slow_client_that_takes_something_has_not_stalled() -> None:
    stalls: Stalls[str] = Stalls(within_s=10)
    for now in range(0, 100, 9):
        assert stalls.update({"slow": 1000 - now}, now) == []


def test_the_time_of_a_client_that_took_everything_starts_again() -> None:
    stalls: Stalls[str] = Stalls(within_s=10)
    stalls.update({"client": 5}, 0)
    stalls.update({"client": 0}, 5)
    assert stalls.update({"client": 5}, 10) == []
    assert stalls.update({"client": 5}, 20) == ["client"]


def test_a_connection_that_is_gone_is_forgotten() -> None:
    stalls: Stalls[str] = Stalls(within_s=10)
    stalls.update({"gone": 5}, 0)
    stalls.update({}, 5)
    assert stalls.update({"gone": 5}, 12) == []


def test_the_fewest_clients_with_the_most_waiting_bytes_are_cut_off() -> None:
    waiting = {"a": 10, "b": 50, "c": 40, "d": 0}
    assert largest(waiting, 100) == []
    assert largest(waiting, 99) == ["b"]
    assert largest(waiting, 49) == ["b", "c"]
    assert largest({}, 0) == []
