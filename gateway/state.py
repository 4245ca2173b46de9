"""The state that all endpoints of a gateway process share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from contracts.broker.roles import AsyncBroker
from contracts.process.settings import Settings
from contracts.process.tls import ServedCertificate
from contracts.state.window import CaptureWindow
from contracts.storage.artifacts import ArtifactSource
from gateway.access.access import Access
from gateway.counts import ProcessCounts
from gateway.metrics import GatewayMetrics
from gateway.server.unfinished import Unfinished
from gateway.tasks import Ticks

__all__ = ["GatewayState"]

ARTIFACT_TIMEOUT_S = 20.0
"""Limit for reading a whole object, in seconds: a user waits for its picture."""

ARTIFACT_MOST_BYTES = 65 * 1024 * 1024
"""The longest artifact that the gateway reads for a picture, in bytes. Under the default limits none exceeds 12 MB."""


async def _knows_none(_: CaptureWindow) -> bool:
    return False


@dataclass(slots=True)
class GatewayState:
    """One gateway process: its settings, its brokers, its open connections.

    Attributes:
        draining: set when the process begins to stop: open captures abort with ``server_shutdown``, new ones are
            refused.
        refusal: why no capture may be opened; empty once both brokers are checked and configured for their roles.
        frames_unfit: why the frames broker must not get frames, such as that it writes to a disk; empty if it may.
        open_sockets: the number of open capture sockets.
        counts: the numbers that all processes of this gateway must know of each other.
        live_sessions: the number of open connections of the real-time lane.
        access: the holders of tokens.
        ticks: calls every open capture's timeouts.
        certificate: of this gateway; None if it serves plain HTTP.
        is_recorded: whether the catalog has a capture of this ``capture_id``, or of this ``record_id`` in its session.

    Raises:
        ConfigurationError: ``A3CP_ACCESS_FILE`` or ``A3CP_TLS_CERT`` with ``A3CP_TLS_KEY`` cannot be used.
    """

    settings: Settings
    frames: AsyncBroker
    events: AsyncBroker
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    refusal: str = "the brokers have not been checked yet"
    open_sockets: int = 0
    frames_unfit: str = ""
    counts: ProcessCounts = field(default_factory=ProcessCounts)
    live_sessions: int = 0
    metrics: GatewayMetrics = field(default_factory=GatewayMetrics)
    unfinished: Unfinished = field(default_factory=Unfinished)
    ticks: Ticks = field(default_factory=Ticks)
    is_recorded: Callable[[CaptureWindow], Awaitable[bool]] = _knows_none
    artifacts: ArtifactSource = field(init=False)
    access: Access = field(init=False)
    certificate: ServedCertificate | None = field(init=False)

    def __post_init__(self) -> None:
        self.access = Access(self.settings)
        self.certificate = ServedCertificate.of(self.settings)
        self.artifacts = ArtifactSource.of(self.settings, timeout_s=ARTIFACT_TIMEOUT_S, most_bytes=ARTIFACT_MOST_BYTES)
        self.metrics.capture.watch(lambda: self.open_sockets, lambda: self.active_captures)

    @property
    def active_captures(self) -> int:
        """How many of the open capture sockets of this process have a capture."""
        return self.counts.captures

    @active_captures.setter
    def active_captures(self, count: int) -> None:
        self.counts.captures = count
