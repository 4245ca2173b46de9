"""What a gateway process counts. Nothing that names a person, a session or a connection is ever a label."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

__all__ = ["GatewayMetrics"]


class GatewayMetrics:
    """The metrics of one gateway process, in a registry of their own: two in one process do not meet."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.stream_sessions_active = Gauge(
            "stream_sessions_active", "Connections of the real-time lane that are open now.", registry=registry
        )
        self.stream_frames_processed = Counter(
            "stream_frames_processed", "Frames of the real-time lane that got a result.", registry=registry
        )
        self.stream_frames_dropped = Counter(
            "stream_frames_dropped", "Frames of the real-time lane that nobody looked at.", registry=registry
        )
        self.stream_slowdown_signals = Counter(
            "stream_slowdown_signals", "Times that a client of the real-time lane was told to slow down.",
            registry=registry,
        )  # fmt: skip
