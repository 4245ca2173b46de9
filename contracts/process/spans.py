"""The spans of a trace, as the pipeline sees them: without OpenTelemetry, and doing nothing where there is no trace.

A span's attributes may have a ``capture_id``, which the log has too. They never have a person, a label or an image.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import Token
from typing import Any, Literal, Protocol, Self

from contracts.process.logs import bind_to_log, unbind_from_log

__all__ = ["NO_SPAN", "Attributes", "Kind", "PassedOn", "TraceSpan", "Tracer", "messaging", "passed_on"]

Kind = Literal["internal", "server", "producer", "consumer"]
Attributes = Mapping[str, str | int | float | bool]


class TraceSpan:
    """A span of no trace. It is also the interface of the spans of a trace.

    As a context manager it is ended by the end of the block, with the block's error if there is one, and the log lines
    of the block carry its ids. A second end does nothing.
    """

    __slots__ = ()

    traceparent: str = ""
    """For the entry or the request that the next process reads; empty if there is no trace."""

    @property
    def log_fields(self) -> dict[str, str]:
        """``trace_id`` and ``span_id`` for log lines; empty if there is no trace."""
        return {}

    def child(self, name: str, kind: Kind = "internal", attributes: Attributes | None = None) -> TraceSpan:
        """Begin a span below this one."""
        return self

    def set(self, attributes: Attributes) -> None:
        """Add attributes."""

    def end(self, error: str = "") -> None:
        """End the span; ``error`` is the code of what went wrong, or its type. It never has another program's text,
        which may quote a client's data."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        return


NO_SPAN = TraceSpan()


class PassedOn(TraceSpan):
    """A span of a trace that this process does not keep: its ids go to the log, and on to the next process."""

    __slots__ = ("_bound", "traceparent")

    def __init__(self, traceparent: str) -> None:
        self.traceparent = traceparent
        self._bound: Mapping[str, Token[Any]] = {}

    @property
    def log_fields(self) -> dict[str, str]:
        _, trace_id, span_id, _ = self.traceparent.split("-")
        return {"trace_id": trace_id, "span_id": span_id}

    def child(self, name: str, kind: Kind = "internal", attributes: Attributes | None = None) -> TraceSpan:
        return PassedOn(self.traceparent)

    def __enter__(self) -> Self:
        self._bound = bind_to_log(**self.log_fields)
        return self

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        unbind_from_log(self._bound)
        self.end(_code_of(error) if error is not None else "")


def _code_of(error: BaseException) -> str:
    code = getattr(error, "code", "")
    return code if isinstance(code, str) and code else type(error).__name__


class Tracer(Protocol):
    """What makes spans if traces are on."""

    live_share: float

    def begin(self, name: str, parent: str, kind: Kind, attributes: Attributes, *, keep: bool = False) -> TraceSpan:
        """Begin a span below ``parent``, a traceparent, or of a new trace if it is empty. With ``keep`` the trace was
        chosen already."""

    def close(self) -> None:
        """Send what is left, within a few seconds."""


def passed_on(traceparent: str) -> TraceSpan:
    """The span of another process, for the log and for the next process; `NO_SPAN` if the traceparent is empty."""
    return PassedOn(traceparent) if traceparent else NO_SPAN


def messaging(destination: str, operation: Literal["send", "process"]) -> Attributes:
    """The attributes of a span that writes an entry of a stream or handles one (OpenTelemetry's conventions)."""
    return {
        "messaging.system": "redis",
        "messaging.destination.name": destination,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
    }
