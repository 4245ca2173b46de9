"""The clock of a gateway that was paused: what its clients sent meanwhile is not late."""

from __future__ import annotations

import pytest

from gateway.capture.clock import RunningClock


@pytest.mark.parametrize(
    ("ticks", "passed_s"),
    [
        pytest.param([0.25, 0.5, 0.75], 0.75, id="in time"),
        pytest.param([0.25, 0.625], 0.625, id="a little late"),
        pytest.param([0.25, 9.0], 0.5, id="paused"),
        pytest.param([0.25, 9.0, 9.25, 20.0], 1.0, id="paused twice"),
        pytest.param([5.0], 0.25, id="paused at once"),
    ],
)
def test_time_in_which_the_process_did_not_run_does_not_pass(ticks: list[float], passed_s: float) -> None:
    clock = RunningClock(0.25, 100.0)
    told = [clock.tick(100.0 + tick) for tick in ticks]
    assert told[-1] == clock.time(100.0 + ticks[-1]) == 100.0 + passed_s


def test_between_two_ticks_time_passes_as_it_does() -> None:
    clock = RunningClock(0.25, 100.0)
    clock.tick(109.0)
    assert clock.time(110.5) - clock.time(109.0) == 1.5
