from __future__ import annotations

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from tests.workers.broker_capture import FakePipeline
from workers.live.sessions import LiveSessions


class Maker:
    """Makes fake pipelines and keeps them by pipeline_id."""

    def __init__(self, make: Callable[[], FakePipeline] = FakePipeline) -> None:
        self.made: list[tuple[str, FakePipeline]] = []
        self._fake = make

    def __call__(self, pipeline_id: str) -> FakePipeline:
        pipeline = self._fake()
        self.made.append((pipeline_id, pipeline))
        return pipeline

    def open(self) -> int:
        return sum(not pipeline.closed for _, pipeline in self.made)


def test_each_session_keeps_a_pipeline_of_its_own() -> None:
    maker = Maker()
    sessions = LiveSessions(16, maker)
    first = sessions.pipeline("a", "pose", 0.0)
    assert sessions.pipeline("b", "pose", 1.0) is not first
    assert sessions.pipeline("a", "pose", 2.0) is first
    assert [pipeline_id for pipeline_id, _ in maker.made] == ["pose", "pose"]


def test_another_pipeline_for_the_same_session_replaces_the_first() -> None:
    maker = Maker()
    sessions = LiveSessions(16, maker)
    sessions.pipeline("a", "pose", 0.0)
    sessions.pipeline("a", "hands", 1.0)
    (_, first), (pipeline_id, second) = maker.made
    assert (first.closed, pipeline_id, second.closed, len(sessions)) == (True, "hands", False, 1)


def test_over_the_limit_the_session_that_was_quiet_for_longest_loses_its_pipeline() -> None:
    maker = Maker()
    sessions = LiveSessions(2, maker)
    sessions.pipeline("a", "pose", 0.0)
    b = sessions.pipeline("b", "pose", 1.0)
    a = sessions.pipeline("a", "pose", 2.0)
    sessions.pipeline("c", "pose", 3.0)
    assert "b" not in sessions
    assert sessions.pipeline("a", "pose", 4.0) is a
    assert sessions.pipeline("b", "pose", 5.0) is not b


def test_there_are_never_more_pipelines_than_the_limit_even_while_one_is_made() -> None:
    counts: list[int] = []
    maker = Maker(lambda: counts.append(maker.open()) or FakePipeline())  # type: ignore[func-returns-value]
    sessions = LiveSessions(3, maker)
    for number in range(10):
        sessions.pipeline(f"session-{number}", "pose", float(number))
    assert max(counts) == 2
    assert maker.open() == len(sessions) == 3


def test_sessions_that_left_or_were_unused_for_long_lose_their_pipelines() -> None:
    maker = Maker()
    sessions = LiveSessions(16, maker)
    for live_id, now_s in (
        ("gone", 0.0),
        ("unused", 0.0),
        ("busy", 0.0),
        ("gone", 2.0),
        ("unused", 1.9),
        ("busy", 2.0),
    ):
        sessions.pipeline(live_id, "pose", now_s)
    sessions.keep({"unused", "busy", "new"}, 2.0)
    assert ("gone" in sessions, "unused" in sessions, "busy" in sessions, "new" in sessions) == (
        False, False, True, False,
    )  # fmt: skip
    assert maker.open() == 1


def test_closing_closes_every_pipeline_once() -> None:
    maker = Maker()
    sessions = LiveSessions(16, maker)
    sessions.pipeline("a", "pose", 0.0)
    sessions.pipeline("b", "pose", 0.0)
    sessions.close()
    sessions.close()
    assert (maker.open(), len(sessions)) == (0, 0)


def test_a_pipeline_whose_close_fails_is_dropped() -> None:
    class Stubborn(FakePipeline):
        def close(self) -> None:
            raise RuntimeError("graph failed")

    sessions = LiveSessions(16, Maker(Stubborn))
    sessions.pipeline("a", "pose", 0.0)
    with capture_logs() as lines:
        sessions.discard("a")
        sessions.discard("never there")
    assert len(sessions) == 0
    assert [line["live_id"] for line in lines] == ["a"]


def test_a_limit_of_graphs_that_is_too_low_is_logged_once() -> None:
    sessions = LiveSessions(1, Maker())
    with capture_logs() as lines:
        for number in range(5):
            sessions.pipeline(f"session-{number}", "pose", float(number))
    assert [(line["log_level"], line["max_graphs"]) for line in lines] == [("warning", 1)]


def test_a_pipeline_that_cannot_be_made_leaves_no_entry() -> None:
    def fail() -> FakePipeline:
        raise RuntimeError("no model")

    sessions = LiveSessions(16, Maker(fail))
    with pytest.raises(RuntimeError):
        sessions.pipeline("a", "pose", 0.0)
    assert len(sessions) == 0
