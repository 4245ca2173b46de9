"""The recorder's metrics. No label names a person, a session or a record."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from contracts.process.background import BackgroundErrors
from contracts.process.logs import get_logger
from contracts.process.metrics import SECONDS, preset
from contracts.rules.codes import DeadLetterCode
from contracts.state.dead_letters import Lost

__all__ = ["BACKGROUND_TASKS", "DEAD_REASONS", "TORN_LINE", "RecorderMetrics"]

TORN_LINE = "torn_line"
"""The reason of a dead letter that was the torn end of a log."""

DEAD_REASONS = (*get_args(DeadLetterCode), TORN_LINE)

_log = get_logger()

BACKGROUND_TASKS = ("consumer", "leadership", "sweep")

WAIT_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0)
"""Bounds in seconds. Up to 15 minutes: a closed capture may wait for a free extractor first."""


class RecorderMetrics:
    """The metrics of one recorder, with their own registry."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.append = Histogram(
            "a3cp_recorder_append_seconds", "Lock, look and write: how long one event took to be in its file.",
            registry=registry, buckets=SECONDS,
        )  # fmt: skip
        self.lines = Counter("a3cp_recorder_lines", "Lines written.", registry=registry)
        self.bytes = Counter("a3cp_recorder_bytes", "Bytes of the lines written.", registry=registry)
        self.refused = Counter(
            "a3cp_recorder_refused_appends", "Appends that the file system refused; they are tried again.",
            registry=registry,
        )  # fmt: skip
        dead_letters = Counter(
            "a3cp_recorder_dead_letters", "Events that can never be appended, by why.", ["reason"], registry=registry
        )
        self.dead_letters = preset(dead_letters, DEAD_REASONS)
        lost = Counter(
            "a3cp_recorder_dead_letters_lost", "Dead letters that were removed to keep the bounds, by why.",
            ["reason"], registry=registry,
        )  # fmt: skip
        self._lost = preset(lost, Lost._fields)
        self.left = _left_events(registry)
        self.close_to_recorded = Histogram(
            "a3cp_recorder_close_to_recorded_seconds",
            "From a capture's close, all its frames in the broker, to its line in the file; the events broker's clock.",
            registry=registry, buckets=WAIT_SECONDS,
        )  # fmt: skip
        self.background = BackgroundErrors(registry, BACKGROUND_TASKS)
        self.takeovers = Counter(
            "a3cp_recorder_takeovers", "Times that this recorder became the active one.", registry=registry
        )
        self.leader = Gauge(
            "a3cp_recorder_leader", "Whether this recorder is the active one, as far as it knows.", registry=registry
        )
        self.held_sessions = Gauge(
            "a3cp_recorder_held_sessions", "Sessions whose log cannot be written now; their events wait.",
            registry=registry,
        )  # fmt: skip

    def wrote(self, line_bytes: int) -> None:
        """Count a line that is in its file."""
        self.lines.inc()
        self.bytes.inc(line_bytes)

    def lost(self, lost: Lost) -> None:
        """Count and report dead letters that are gone although no operator dropped them."""
        for reason, number in lost._asdict().items():
            if number:
                self._lost.labels(reason).inc(number)
                _log.warning("dead letters are lost", reason=reason, letters=number)

    def watch(self, leads: Callable[[], bool], held_sessions: Callable[[], int]) -> None:
        """Call these two at every scrape, from the metrics server's thread."""
        self.leader.set_function(leads)
        self.held_sessions.set_function(held_sessions)


def _left_events(registry: CollectorRegistry) -> Counter:
    text = "Events left to a recorder of another release; their sessions wait."
    return Counter("a3cp_recorder_left_events", text, registry=registry)
