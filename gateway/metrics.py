"""The metrics of a gateway process. No label identifies a person, a session or a connection."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, ProcessCollector
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.process.background import BackgroundErrors
from contracts.process.metrics import SECONDS, exposition, preset, shared_registry
from contracts.rules.codes import CAPTURE_CODES, refused_at
from gateway.monitoring.published import Published, count_deaths

__all__ = [
    "BACKGROUND_TASKS",
    "ROUTES",
    "BrokerGauges",
    "CaptureMetrics",
    "GatewayMetrics",
    "UPLOAD_REFUSALS",
    "UploadMetrics",
]

QUEUE_FRAMES = (1, 2, 3, 5, 10)
"""Histogram buckets, in frames: from one frame to more than the forward queue's default limit of 3."""


class ForwardedFrames(Collector):
    """Counts accepted frames, and the length of the capture's forward queue at each.

    For every frame the endpoint calls `add`. Plain numbers are enough, because one thread does it, and they are faster
    than Prometheus's metrics. `collect` converts them.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.bytes = 0
        self.depths: defaultdict[int, int] = defaultdict(int)
        registry.register(self)

    def add(self, size: int, depth: int) -> None:
        """Count a frame of ``size`` bytes, with which the queue has ``depth`` frames."""
        self.bytes += size
        self.depths[depth] += 1

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of one scrape."""
        depths = self.depths.copy()
        frames = sum(depths.values())
        yield CounterMetricFamily("a3cp_capture_frames", "Frames accepted.", value=frames)
        yield CounterMetricFamily("a3cp_capture_bytes", "Bytes of the frames accepted.", value=self.bytes)
        buckets = [(str(float(edge)), sum(n for depth, n in depths.items() if depth <= edge)) for edge in QUEUE_FRAMES]
        yield HistogramMetricFamily(
            "a3cp_capture_forward_queue_frames", "Frames in a capture's forward queue, with each new one.",
            buckets=[*buckets, ("+Inf", frames)], sum_value=sum(depth * n for depth, n in depths.items()),
        )  # fmt: skip


def _sum(name: str, text: str, registry: CollectorRegistry) -> Gauge:
    """A gauge whose value is the sum over the processes that live."""
    return Gauge(name, text, registry=registry, multiprocess_mode="livesum")


def _same(name: str, text: str, registry: CollectorRegistry) -> Gauge:
    """A gauge that every process sets to the same thing. The newest value counts."""
    return Gauge(name, text, registry=registry, multiprocess_mode="livemostrecent")


class CaptureMetrics:
    """The metrics of capture sockets and captures."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.sockets = _sum("a3cp_capture_sockets", "Capture sockets that are open now.", registry)
        self.active = _sum("a3cp_capture_active", "Captures that are open now.", registry)
        self.opened = Counter("a3cp_capture_opened", "Captures opened.", registry=registry)
        ended = Counter(
            "a3cp_capture_ended", "Opened captures that ended, by code; closed means success.", ["code"],
            registry=registry,
        )  # fmt: skip
        self.ended = preset(ended, ["closed", *sorted(CAPTURE_CODES)])
        refused = Counter(
            "a3cp_capture_refused", "Capture sockets that ended without an open capture, by code.", ["code"],
            registry=registry,
        )  # fmt: skip
        self.refused = preset(refused, sorted(CAPTURE_CODES))
        self.forwarded = ForwardedFrames(registry)
        self.close = Histogram(
            "a3cp_capture_close_seconds", "From a client's capture.close to its socket's close.",
            registry=registry, buckets=(*SECONDS, 30.0, 60.0),
        )  # fmt: skip
        self.append = Histogram(
            "a3cp_recorder_http_append_seconds", "From a client's append to its answer.",
            registry=registry, buckets=SECONDS,
        )  # fmt: skip

    def watch(self, sockets: Callable[[], int], active: Callable[[], int]) -> None:
        """Call these two functions at every scrape for the numbers of sockets and of captures."""
        self.sockets.set_function(sockets)
        self.active.set_function(active)


class UploadMetrics:
    """The metrics of uploaded videos, until they become captures."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.arriving = _sum("a3cp_upload_arriving", "Videos that are being sent now.", registry)
        self.accepted = Counter("a3cp_upload_accepted", "Videos that became captures.", registry=registry)
        refused = Counter("a3cp_upload_refused", "Videos that were refused, by code.", ["code"], registry=registry)
        self.refused = preset(refused, UPLOAD_REFUSALS)
        self.bytes = Counter("a3cp_upload_bytes", "Bytes of the videos that became captures.", registry=registry)
        self.seconds = Histogram(
            "a3cp_upload_seconds", "From the beginning of an upload to its capture.",
            registry=registry, buckets=(*SECONDS, 30.0, 60.0, 300.0, 1800.0),
        )  # fmt: skip


UPLOAD_REFUSALS = tuple(sorted(refused_at("upload")))


class BrokerGauges:
    """The contents of the brokers, which each gateway reads every few seconds; NaN while it cannot read them.

    Every gateway shows the same numbers, so a dashboard must take their maximum, not their sum.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str) -> Gauge:
            return _same(name, text, registry)

        self.ready = Gauge(
            "a3cp_capture_broker_ready", "Whether a broker answers and is configured for its role.", ["role"],
            registry=registry, multiprocess_mode="livemostrecent",
        )  # fmt: skip
        self.frames = {
            "backlog": gauge("a3cp_capture_backlog", "Captures that wait for an extractor."),
            "oldest_waiting_s": gauge("a3cp_capture_oldest_waiting_seconds", "How long the oldest of them has waited."),
            "lag": gauge("a3cp_extractor_group_lag", "Captures that no extractor has taken yet."),
            "pending": gauge("a3cp_extractor_group_pending", "Captures that were taken and are not finished."),
            "uploads": gauge("a3cp_upload_backlog", "Uploaded videos that wait for an extractor."),
            "upload_bytes": gauge("a3cp_upload_stored_bytes", "Bytes of the slots of videos in the frames broker."),
            "extractors": gauge("a3cp_extractor_processes_live", "Extractor processes with a recent heartbeat."),
            "live_workers": gauge("a3cp_live_workers_live", "Live workers with a recent heartbeat."),
            "memory": gauge("a3cp_capture_frames_broker_memory_ratio", "Memory in use, as a share of maxmemory."),
        }
        self.events = {
            "lag": gauge("a3cp_recorder_group_lag", "Events that no recorder has read yet."),
            "pending": gauge("a3cp_recorder_group_pending", "Events that a recorder has read and not yet written."),
            "active": gauge("a3cp_recorder_active", "Whether a recorder is active."),
            "unfinished": gauge("a3cp_recorder_unfinished_captures", "Captures neither recorded nor aborted."),
            "dead": gauge("a3cp_recorder_dead_letters_kept", "Dead letters that are kept for the operator."),
        }


BACKGROUND_TASKS = (
    "broker_watch",
    "frames_gauges",
    "events_gauges",
    "live_answers",
    "live_places",
    "library",
    "erasures",
    "retention",
)


class GatewayMetrics:
    """The metrics of one gateway. Each has its own registry, so that tests can run two gateways in one process.

    Args:
        folder: the folder of the pool's metrics, if this is one of several processes: then `text` has the sums over
            all of them.
    """

    def __init__(self, folder: Path | None = None) -> None:
        registry = self.registry = CollectorRegistry()
        system = ProcessCollector(registry=registry)
        _sum("a3cp_gateway_processes", "Processes of this gateway that run.", registry).set(1)
        count_deaths(registry)
        self.capture = CaptureMetrics(registry)
        self.upload = UploadMetrics(registry)
        self.brokers = BrokerGauges(registry)
        self.background = BackgroundErrors(registry, BACKGROUND_TASKS)
        self.left = Counter(
            "a3cp_gateway_left_values", "Sessions, captures and answers of another release that could not be read.",
            registry=registry,
        )  # fmt: skip
        self.erasing = _same(
            "a3cp_library_erasing", "Captures that wait to be erased, by this gateway's catalog.", registry
        )
        self.retention_waits = _same(
            "a3cp_retention_waits", "Captures whose time is over and that wait for an operator.", registry
        )
        self.stream_sessions_active = _sum(
            "stream_sessions_active", "Connections of the real-time lane that are open now.", registry
        )
        self.stream_frames_processed = Counter(
            "stream_frames_processed", "Frames of the real-time lane that got a result.", registry=registry
        )
        self.stream_frames_dropped = Counter(
            "stream_frames_dropped", "Frames of the real-time lane that were dropped.", registry=registry
        )
        self.stream_slowdown_signals = Counter(
            "stream_slowdown_signals", "slow_down warnings sent to clients of the real-time lane.",
            registry=registry,
        )  # fmt: skip
        self._shared = None if folder is None else shared_registry(folder)
        computed = (system, self.capture.sockets, self.capture.active, self.capture.forwarded)
        self._published = Published(() if folder is None else computed)

    def publish(self) -> None:
        """In a pool, let the other processes read what this one counts as plain numbers. Call it every second."""
        self._published.publish()

    async def text(self, accept: str) -> tuple[bytes, str]:
        """All metrics in Prometheus's text format, and its content type."""
        if self._shared is None:
            return exposition(self.registry, accept)
        self.publish()
        return await asyncio.to_thread(exposition, self._shared, accept)


async def metrics(request: Request) -> Response:
    """``GET /metrics``: answer with all metrics in Prometheus's text format."""
    ours: GatewayMetrics = request.app.state.gateway.metrics
    text, content_type = await ours.text(request.headers.get("accept", ""))
    return Response(text, headers={"Content-Type": content_type})


ROUTES = [Route("/metrics", metrics, methods=["GET"])]
