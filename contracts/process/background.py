"""Log and count the errors of background tasks. A task continues after an error."""

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

    If a task ended at its first error, its process would look healthy and do half of its work. If the error ended the
    process, the next process would end too: the value that caused it may still be in the broker.
    """

    def __init__(self, registry: CollectorRegistry, tasks: Iterable[str]) -> None:
        errors = Counter(
            "a3cp_background_errors", "Errors after which a background task continued, by task.", ["task"],
            registry=registry,
        )  # fmt: skip
        self._errors = preset(errors, tasks)

    def note(self, task: str, error: Exception) -> None:
        """Log and count an error of a task. Raises a `FatalError` again, which ends the process."""
        if isinstance(error, FatalError):
            raise error
        self._errors.labels(task).inc()
        _log.error("background task failed, continuing", task=task, exc_info=error)
