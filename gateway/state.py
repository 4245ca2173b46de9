"""What the gateway's endpoints share."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from contracts.broker.roles import AsyncBroker
from contracts.process.settings import Settings
from contracts.storage.artifacts import ArtifactSource
from gateway.metrics import GatewayMetrics
from gateway.server.unfinished import Unfinished

__all__ = ["GatewayState"]

ARTIFACT_TIMEOUT_S = 20.0
"""Limit for reading a whole object, in seconds: a user waits for its picture."""

ARTIFACT_MOST_BYTES = 65 * 1024 * 1024
"""The longest artifact that the gateway reads for a picture; the longest under the default limits has 12 MB."""


@dataclass(slots=True)
class GatewayState:
    """One gateway process: its settings, its brokers, what is open now.

    ``draining`` is set when the process has been told to stop: open captures are aborted with
    ``server_shutdown``, new ones are refused. ``refusal`` is empty once both brokers are known to be as
    their roles need them, else it says why no capture may be opened. ``open_sockets`` counts the capture sockets,
    ``active_captures`` those of them that have a capture; ``live_sessions`` counts the real-time lane's,
    ``arriving`` the videos that arrive from each address.
    """

    settings: Settings
    frames: AsyncBroker
    events: AsyncBroker
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    refusal: str = "the brokers have not been checked yet"
    open_sockets: int = 0
    frames_unfit: str = ""
    active_captures: int = 0
    arriving: Counter[str] = field(default_factory=Counter)
    live_sessions: int = 0
    metrics: GatewayMetrics = field(default_factory=GatewayMetrics)
    unfinished: Unfinished = field(default_factory=Unfinished)
    artifacts: ArtifactSource = field(init=False)

    def __post_init__(self) -> None:
        self.artifacts = ArtifactSource.of(self.settings, timeout_s=ARTIFACT_TIMEOUT_S, most_bytes=ARTIFACT_MOST_BYTES)
        self.metrics.capture.watch(lambda: self.open_sockets, lambda: self.active_captures)
