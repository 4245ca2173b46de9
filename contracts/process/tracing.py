"""Traces of captures and live frames: the one seam between the pipeline and OpenTelemetry.

`contracts.process.otel`, which loads OpenTelemetry, is imported only if traces are on. Without it every function here
returns `NO_SPAN`, whose methods do nothing, so a caller never asks whether traces are on.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from contracts.process.settings import Settings
from contracts.process.spans import NO_SPAN, Attributes, Kind, Tracer, TraceSpan, passed_on
from contracts.rules.errors import ConfigurationError

__all__ = ["begin_frame", "begin_trace", "continue_trace", "find_collector", "tracing"]

_tracer: Tracer | None = None


def begin_trace(name: str, parent: str = "", kind: Kind = "server", attributes: Attributes | None = None) -> TraceSpan:
    """Begin a trace, or go on with a client's trace. ``parent`` is its valid traceparent, or empty."""
    return NO_SPAN if _tracer is None else _tracer.begin(name, parent, kind, attributes or {})


def continue_trace(
    name: str, traceparent: str, attributes: Attributes | None = None, *, keep: bool = False
) -> TraceSpan:
    """Go on with the trace of an entry that this process has read. Without traces, the ids are still passed on. With
    ``keep`` the trace was chosen already (`begin_frame`)."""
    if _tracer is None or not traceparent:
        return passed_on(traceparent)
    return _tracer.begin(name, traceparent, "consumer", attributes or {}, keep=keep)


def begin_frame(name: str, pipeline_id: str) -> TraceSpan:
    """Begin the trace of a live frame if it is one of the few that are traced. The choice costs no more than a random
    number, because every frame pays for it."""
    if _tracer is None or random.random() >= _tracer.live_share:  # noqa: S311  # no secret
        return NO_SPAN
    return _tracer.begin(name, "", "server", {"a3cp.pipeline_id": pipeline_id}, keep=True)


@contextmanager
def tracing(settings: Settings, process: str) -> Iterator[None]:
    """Trace what this process does while the block runs, if ``OTEL_EXPORTER_OTLP_ENDPOINT`` is set. Enter it in the
    process that does the work, not in its parent: it starts a thread.

    Raises:
        ConfigurationError: the packages of the extra ``traces`` are not installed.
    """
    global _tracer
    if not settings.traces.endpoint:
        yield
        return
    _tracer = _library().OpenTelemetry(settings.traces, process)
    gc.freeze()  # the collector of garbage passes over its modules too, as over the others (`contracts.process.run`)
    try:
        yield
    finally:
        tracer, _tracer = _tracer, None
        tracer.close()


def find_collector(settings: Settings, within_s: float) -> str:
    """Ask the collector, if traces are on; returns why it takes none, or an empty string. Errors as `tracing`."""
    problem: str = _library().ask_collector(settings.traces, within_s)
    return problem


def _library() -> ModuleType:
    try:
        from contracts.process import otel
    except ImportError as error:
        raise ConfigurationError(
            f"OTEL_EXPORTER_OTLP_ENDPOINT: traces need packages that are not installed ({error.name}); run "
            "./scripts/install, or unset it"
        ) from None
    return otel
