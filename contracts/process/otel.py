"""Spans by OpenTelemetry's SDK, sent as OTLP over HTTP. Import it only through `contracts.process.tracing`.

Nothing here waits for the collector: ended spans go into a bounded queue, and a thread sends them. If the collector is
away, the oldest are lost, and the log says so once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.json.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.trace import Span as OtelSpan
from opentelemetry.trace import Tracer as OtelTracer

from contracts.process.logs import get_logger
from contracts.process.spans import Attributes, Kind, PassedOn, TraceSpan
from contracts.process.trace_settings import TraceSettings

__all__ = ["OpenTelemetry", "ask_collector"]

CLOSE_WITHIN_S = 1.0
"""How long an ending process waits until its last spans are sent, in seconds."""

_KINDS: dict[Kind, SpanKind] = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}
_KEPT = 0x01

log = get_logger()


class _RecordedSpan(PassedOn):
    """A span that is sent to the collector when it ends."""

    __slots__ = ("_span", "_tracer")

    def __init__(self, span: OtelSpan, tracer: OtelTracer) -> None:
        super().__init__(_traceparent(span))
        self._span = span
        self._tracer = tracer

    def child(self, name: str, kind: Kind = "internal", attributes: Attributes | None = None) -> TraceSpan:
        above = set_span_in_context(self._span, Context())
        return _RecordedSpan(self._tracer.start_span(name, above, _KINDS[kind], attributes), self._tracer)

    def set(self, attributes: Attributes) -> None:
        self._span.set_attributes(attributes)

    def end(self, error: str = "") -> None:
        if self._span.is_recording():  # no longer after the first end
            if error:
                self._span.set_attribute("error.type", error)
                self._span.set_status(Status(StatusCode.ERROR, error))
            self._span.end()


def _traceparent(span: OtelSpan) -> str:
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & _KEPT:02x}"


def _parent(traceparent: str) -> Context:
    """The context of a valid traceparent; an empty one if there is none, so that the span begins a trace."""
    if not traceparent:
        return Context()
    _, trace_id, span_id, flags = traceparent.split("-")
    above = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
    return set_span_in_context(NonRecordingSpan(above), Context())


class OpenTelemetry:
    """The `contracts.process.spans.Tracer` of a process. It reads no global state of OpenTelemetry, and sets none."""

    def __init__(self, settings: TraceSettings, process: str) -> None:
        self.live_share = settings.live_share
        self._follows_parent = settings.follows_parent
        _keep_library_quiet()
        self._exporter = _ReportingExporter(OTLPSpanExporter(settings.address))
        self._processor = BatchSpanProcessor(self._exporter)
        resource = _resource(process)
        share = TraceIdRatioBased(settings.share)
        self._chosen = self._make_tracer(ParentBased(share) if settings.follows_parent else share, resource)
        self._every = self._make_tracer(ALWAYS_ON, resource)

    def _make_tracer(self, sampler: Sampler, resource: Resource) -> OtelTracer:
        provider = TracerProvider(sampler, resource, shutdown_on_exit=False)
        provider.add_span_processor(self._processor)
        return provider.get_tracer("a3cp")

    def begin(self, name: str, parent: str, kind: Kind, attributes: Attributes, *, keep: bool = False) -> TraceSpan:
        """See `contracts.process.spans.Tracer`."""
        if parent and self._follows_parent and not int(parent[-2:], 16) & _KEPT:
            return PassedOn(parent)
        tracer = self._every if keep else self._chosen
        span = tracer.start_span(name, _parent(parent), _KINDS[kind], attributes)
        return _RecordedSpan(span, tracer) if span.is_recording() else PassedOn(_traceparent(span))

    def close(self) -> None:
        """See `contracts.process.spans.Tracer`."""
        ending = threading.Thread(target=self._processor.shutdown, name="traces-end", daemon=True)
        ending.start()
        ending.join(CLOSE_WITHIN_S)
        if ending.is_alive():
            log.warning("traces lost: the collector did not take them before the end")
            self._exporter.shutdown()  # it stops retrying


def ask_collector(settings: TraceSettings, within_s: float) -> str:
    """Send the collector an empty request; returns why it did not take it, or an empty string."""
    _keep_library_quiet()
    exporter = OTLPSpanExporter(settings.address, timeout=within_s)
    taken = exporter.export([]) is SpanExportResult.SUCCESS
    exporter.shutdown()
    return "" if taken else _said.last or "it refused"


def _resource(process: str) -> Resource:
    """How this process is named to the collector. ``OTEL_SERVICE_NAME`` and ``OTEL_RESOURCE_ATTRIBUTES`` come first."""
    try:
        release = version("a3cp")
    except PackageNotFoundError:
        release = "unknown"
    given = Resource.create()
    names = {SERVICE_NAME: f"a3cp-{process}", SERVICE_VERSION: release}
    named = str(given.attributes.get(SERVICE_NAME, "")).startswith("unknown_service")
    return given.merge(
        Resource({name: value for name, value in names.items() if named or name not in given.attributes})
    )


class _ReportingExporter(SpanExporter):
    """Reports once that the collector does not take spans, and once that it does again."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._lost = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        if result is not SpanExportResult.SUCCESS:
            if not self._lost:
                log.warning("the collector takes no traces", detail=_said.last)
            self._lost += len(spans)
        elif self._lost:
            log.info("the collector takes traces again", lost_spans=self._lost)
            self._lost, _said.last = 0, ""
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class _Said(logging.Handler):
    """Keeps the first thing that OpenTelemetry says of a failure; it repeats itself with every attempt."""

    last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = self.last or " ".join(record.getMessage().split())[:300]


_said = _Said(logging.WARNING)


def _keep_library_quiet() -> None:
    library = logging.getLogger("opentelemetry")
    library.propagate = False
    library.handlers = [_said]
    _said.last = ""
