"""One live worker as a process."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

from contracts.broker.roles import broker_errors, connect_sync
from contracts.messages.pipelines import PIPELINES
from contracts.process.logs import bind_to_log, get_logger
from contracts.process.settings import Settings
from contracts.rules.errors import BrokerUnavailable, UnreadableValue
from contracts.state import heartbeats
from workers.extract.heartbeat import FrameClock
from workers.live.sessions import LiveSessions
from workers.live.worker import LiveTiming, LiveWorker
from workers.metrics import LiveMetrics, join_pool
from workers.pool.process import process_name, run_worker, warm_up, watch
from workers.vision.pipelines import registry

__all__ = ["live_process"]

log = get_logger()


def live_process(settings: Settings, metrics_folder: Path | None) -> None:
    """Run one live worker; the pool's target. Raises ``SystemExit`` with the exit code."""
    run_worker("live", settings, partial(_serve, settings, metrics_folder))


def _serve(settings: Settings, metrics_folder: Path | None, stop: threading.Event) -> None:
    join_pool(metrics_folder)
    name = process_name()
    bind_to_log(live_worker=name)
    frames_url, _ = settings.broker_urls()
    with broker_errors("frames"):
        frames = connect_sync(frames_url)
    for pipeline_id in PIPELINES:
        warm_up(partial(registry.make_pipeline, pipeline_id))
    timing, clock = LiveTiming(), FrameClock()
    sessions = LiveSessions(settings.stream_max_graphs, registry.make_pipeline)
    watch(clock, timing.frame_deadline_s, stop)
    log.info("live worker ready")
    LiveWorker(frames, name, sessions, timing=timing, clock=clock, stop=stop, metrics=LiveMetrics()).run()
    try:
        heartbeats.deregister_live_worker(frames, name)
    except (BrokerUnavailable, UnreadableValue) as error:
        log.warning("stopped without deregistering", detail=str(error))
    log.info("live worker stopped")
