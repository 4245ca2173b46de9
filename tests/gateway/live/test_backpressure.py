"""When the gateway asks a client to send fewer frames."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.process.settings import Settings, load_settings
from gateway.live.backpressure import LEAST_FRAMES, WINDOW_FRAMES, Backpressure, BackpressureState

NORMAL, WARNING, CRITICAL = BackpressureState


def default() -> Backpressure:
    settings = Settings()
    return Backpressure(settings.stream_drop_threshold, settings.stream_slowdown_threshold)


def noted(backpressure: Backpressure, pattern: str) -> list[int]:
    """Note frames, ``x`` for a dropped one; returns the indices at which the client gets slow_down."""
    return [at for at, frame in enumerate(pattern) if backpressure.note(dropped=frame == "x")]


def test_a_new_connection_is_normal_and_drops_nothing() -> None:
    assert (default().drop_rate, default().state) == (0, NORMAL)


@pytest.mark.parametrize(
    ("pattern", "rate", "state"),
    [
        ("x", 1 / 20, NORMAL),
        ("xx", 2 / 20, NORMAL),
        ("xxx", 3 / 20, WARNING),
        ("xxxxxx", 6 / 20, WARNING),
        ("xxxxxxx", 7 / 20, CRITICAL),
        ("." * 14 + "x" * 6, 6 / 20, WARNING),
        ("." * 54 + "x" * 6, 6 / 60, NORMAL),
        ("." * 53 + "x" * 7, 7 / 60, WARNING),
        ("." * 42 + "x" * 18, 18 / 60, WARNING),
        ("." * 41 + "x" * 19, 19 / 60, CRITICAL),
    ],
)
def test_the_rate_is_drops_among_the_last_60_but_at_least_20_frames(
    pattern: str, rate: float, state: BackpressureState
) -> None:
    backpressure = default()
    noted(backpressure, pattern)
    assert (backpressure.drop_rate, backpressure.state) == (rate, state)


def test_a_rate_that_equals_a_threshold_is_not_above_it() -> None:
    for drop, slowdown, drops in ((0.10, 0.30, 6), (0.2, 0.4, 8), (0.7, 0.7, 14)):
        backpressure = Backpressure(drop, slowdown)
        noted(backpressure, "x" * drops)
        assert backpressure.state is not CRITICAL
        noted(backpressure, "x")
        assert backpressure.state is CRITICAL


def test_slow_down_is_sent_once_when_the_rate_rises_above_30_percent() -> None:
    assert noted(default(), "x" * 200) == [6]


def test_slow_down_is_not_sent_while_the_rate_stays_below() -> None:
    backpressure = default()
    assert noted(backpressure, ("x" + "." * 3) * 100) == []
    assert backpressure.state is WARNING


def test_a_rate_that_swings_above_the_drop_threshold_is_one_episode() -> None:
    backpressure = default()
    assert noted(backpressure, "x" * 25) == [6]
    for _ in range(5):
        assert noted(backpressure, "." * 50) == []
        assert backpressure.state is WARNING
        assert noted(backpressure, "x" * 25) == []
        assert backpressure.state is CRITICAL


def test_slow_down_is_sent_again_after_the_rate_was_at_or_below_the_drop_threshold() -> None:
    backpressure = default()
    assert noted(backpressure, "x" * 20) == [6]
    assert noted(backpressure, "." * 53) == []
    assert backpressure.state is WARNING
    noted(backpressure, ".")
    assert backpressure.state is NORMAL
    assert len(noted(backpressure, "x" * 30)) == 1


def test_it_recovers_from_a_flood_however_long_it_was() -> None:
    backpressure = default()
    noted(backpressure, "x" * 100_000)
    assert backpressure.drop_rate == 1
    noted(backpressure, "." * WINDOW_FRAMES)
    assert (backpressure.drop_rate, backpressure.state) == (0, NORMAL)


def test_one_slow_first_frame_is_no_flood() -> None:
    backpressure = default()
    assert noted(backpressure, "." + "xx") == []
    assert backpressure.state is NORMAL


@pytest.mark.parametrize(("drop", "slowdown"), [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.5, 0.5)])
def test_every_threshold_that_settings_allow_works(drop: float, slowdown: float) -> None:
    backpressure = Backpressure(drop, slowdown)
    told = noted(backpressure, ("x" * 60 + "." * 60) * 3)
    assert len(told) == (0 if slowdown == 1 else 3)


def test_thresholds_are_read_from_the_environment() -> None:
    settings = load_settings({"STREAM_DROP_THRESHOLD": "0.2", "STREAM_SLOWDOWN_THRESHOLD": "0.5"})
    assert (settings.stream_drop_threshold, settings.stream_slowdown_threshold) == (0.2, 0.5)
    assert (Settings().stream_drop_threshold, Settings().stream_slowdown_threshold) == (0.10, 0.30)


@given(
    frames=st.lists(st.booleans(), max_size=300),
    thresholds=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted),
)
def test_slow_down_comes_with_a_drop_only_and_once_in_each_episode(frames: list[bool], thresholds: list[float]) -> None:
    backpressure = Backpressure(thresholds[0], thresholds[1])
    episode = False
    for at, dropped in enumerate(frames):
        told = backpressure.note(dropped=dropped)
        recent = frames[max(0, at - WINDOW_FRAMES + 1) : at + 1]
        rate = sum(recent) / max(len(recent), LEAST_FRAMES)
        assert backpressure.drop_rate == rate
        if rate <= thresholds[0]:
            episode = False
        assert told == (rate > thresholds[1] and not episode)
        assert dropped or not told
        episode = episode or told
