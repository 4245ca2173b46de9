"""Errors that a background task meets and outlives: each is logged whole and counted."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter

from contracts.process.logs import get_logger
from contracts.process.metrics import preset
from contracts.rules.errors import FatalError

__all__ = ["BackgroundErrors"]

_log = get_logger()


class BackgroundErrors:
    """Counts the errors of a process's background tasks by the task's name; ``tasks`` are all of them.

    A task that ended at its first error would leave a process that looks healthy and does half of its work, and one
    that ended the process would do so again and again: what it met may still be in the broker.
    """

    def __init__(self, registry: CollectorRegistry, tasks: Iterable[str]) -> None:
        errors = Counter(
            "a3cp_background_errors", "Errors that a background task met and outlived, by the task.", ["task"],
            registry=registry,
        )  # fmt: skip
        self._errors = preset(errors, tasks)

    def note(self, task: str, error: Exception) -> None:
        """The task met this error and goes on. A fatal one is raised again: the process ends with its sentence."""
        if isinstance(error, FatalError):
            raise error
        self._errors.labels(task).inc()
        _log.error("a background task failed and goes on", task=task, exc_info=error)
