"""The brokers, the store and the other objects that an extractor uses for every capture."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from contracts.broker.roles import Broker
from contracts.state.failed import FailedBounds
from workers.extract.dispatch import Dispatch
from workers.extract.heartbeat import FrameClock
from workers.extract.lease import Timing
from workers.metrics import ExtractorMetrics
from workers.vision.artifact import ArtifactStore
from workers.vision.pipelines.base import PipelineFactory

__all__ = ["Dependencies"]


@dataclass(frozen=True, slots=True)
class Dependencies:
    """``stop`` is set when the process must end. ``keep`` says how long failed captures are kept for an operator."""

    frames: Broker
    events: Broker
    dispatch: Dispatch
    store: ArtifactStore
    make_pipeline: PipelineFactory
    timing: Timing = field(default_factory=Timing)
    clock: FrameClock = field(default_factory=FrameClock)
    stop: threading.Event = field(default_factory=threading.Event)
    keep: FailedBounds = field(default_factory=FailedBounds)
    metrics: ExtractorMetrics = field(default_factory=ExtractorMetrics)
