"""Processes whose clock steps back and forward while everything runs: nothing but the times they write may tell."""

from __future__ import annotations

from pathlib import Path

from tests.integration.faults.played import play_cases


def test_a_clock_that_steps_back_and_forward_changes_nothing_but_the_times_that_are_written(tmp_path: Path) -> None:
    play_cases(["clock steps: everything's"], "valkey", tmp_path)


def test_a_broker_s_clock_that_steps_only_ends_open_captures_and_their_clients_get_the_code(tmp_path: Path) -> None:
    play_cases(["clock steps: the brokers'", "clock steps: the brokers', long ago"], "valkey", tmp_path)
