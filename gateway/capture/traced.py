"""The trace of one capture socket: ``capture``, and below it ``open``, ``receive`` and ``close`` or ``abort``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from contracts.process.logs import bind_to_log
from contracts.process.spans import NO_SPAN, TraceSpan
from contracts.process.tracing import begin_trace
from contracts.rules.traceparent import read_traceparent

__all__ = ["CaptureTrace"]


class CaptureTrace:
    """Begins with ``capture.open``. A span for each frame would cost more than the frame, so there is none."""

    def __init__(self) -> None:
        self._whole: TraceSpan = NO_SPAN
        self._receive: TraceSpan = NO_SPAN
        self._code = ""

    @property
    def log_fields(self) -> dict[str, str]:
        """The ids for log lines that are written in another task: the server calls the endpoint for each message."""
        return self._whole.log_fields

    @contextmanager
    def opening(self, capture_id: str, traceparent: str | None) -> Iterator[TraceSpan]:
        """Begin the trace and its ``open``, and, if the block raises nothing, ``receive``. ``traceparent`` is the
        client's, if it sent one. Log lines of this task, and of those that it starts, carry the ids from now on."""
        attributes = {"a3cp.capture_id": capture_id}
        self._whole = begin_trace("capture", read_traceparent(traceparent), attributes=attributes)
        bind_to_log(**self._whole.log_fields)
        with self._whole.child("open") as span:
            yield span
        self._receive = self._whole.child("receive")

    @contextmanager
    def ending(self, step: Literal["close", "abort"], frames: int) -> Iterator[None]:
        """End ``receive``, and be ``close`` or ``abort`` while the block runs. Log lines of this task carry the ids."""
        self._receive.set({"a3cp.frames": frames})
        self._receive.end()
        bind_to_log(**self._whole.log_fields)
        with self._whole.child(step):
            yield

    def fail(self, code: str) -> None:
        """The capture ended with this code, and not well."""
        self._code = code

    def end(self) -> None:
        """End the trace's own span. A second call does nothing."""
        self._receive.end()
        self._whole.end(self._code)
