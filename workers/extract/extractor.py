"""One extractor process: it extracts a few captures at the same time, a frame of each in turn."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from pathlib import Path

from contracts.broker.roles import Broker, broker_errors, connect_sync
from contracts.process.logs import bind_to_log, get_logger
from contracts.process.retry import Stopped, Until, repeat_sync, retry_sync
from contracts.process.settings import Settings
from contracts.process.spans import messaging
from contracts.process.tracing import continue_trace
from contracts.rules.errors import ArtifactStoreError, BrokerUnavailable, UnreadableValue
from contracts.state import heartbeats
from contracts.state.failed import FailedBounds
from workers.extract.capture_job import CaptureJob, JobEnd
from workers.extract.dependencies import Dependencies
from workers.extract.dispatch import Claimed, Dispatch, forget_consumer
from workers.extract.eraser import Eraser
from workers.extract.heartbeat import Heartbeat
from workers.extract.lease import Timing
from workers.extract.slots import Slots
from workers.metrics import ExtractorMetrics, join_pool
from workers.pool.process import process_name, run_worker, warm_up, watch
from workers.vision.artifact import ArtifactStore, artifact_stores
from workers.vision.pipelines import registry

__all__ = ["Extractor", "extractor_process"]

HEARTBEAT_TIMEOUT_S = 2.0
"""If a heartbeat waits longer for its reply, it comes too late for a lease of 5 s."""

ERASER_GRACE_S = 2.0
"""How long the process waits at its end for the erasure in hand; another extractor repeats one that is cut off."""

log = get_logger()


class _CaptureFailed(Exception):
    """This extractor could not finish a capture. The error is reported already."""


class Extractor:
    """Claims and extracts captures until ``dependencies.stop`` is set, ``captures`` of them at the same time at most.

    Each has a thread, a graph and a lease of its own. One thread is the caller's of `run`.
    """

    def __init__(self, dependencies: Dependencies, heartbeat: Heartbeat, captures: int = 1) -> None:
        self._dependencies = dependencies
        self._heartbeat = heartbeat
        self._captures = captures
        self._slots = Slots(dependencies.dispatch, dependencies.clock, dependencies.stop)

    def run(self) -> None:
        """Claim and extract captures. After an error, or a capture that failed, pause with backoff."""
        others = [
            threading.Thread(target=copy_context().run, args=(self._repeat,), name=f"capture-{number}", daemon=True)
            for number in range(2, self._captures + 1)
        ]
        for thread in others:
            thread.start()
        self._repeat()
        for thread in others:
            thread.join()

    def _repeat(self) -> None:
        repeat_sync(self._take_one, self._failed, stop=self._dependencies.stop)

    def _take_one(self) -> None:
        claimed = self._slots.take()
        if claimed is None:
            return
        busy = self._dependencies.metrics.busy.track_inprogress()
        with self._slots.holding(claimed), self._heartbeat.holding(claimed.lease), busy:
            end = self._do(claimed)
        if end == "failed":
            raise _CaptureFailed  # pause, so that another extractor takes the capture first

    def _failed(self, error: Exception, delay_s: float) -> None:
        self._slots.rest(delay_s)
        if isinstance(error, BrokerUnavailable):
            log.warning("cannot read the dispatch stream, retrying", detail=str(error), again_in_s=delay_s)
        elif not isinstance(error, _CaptureFailed):  # for example, the stream's key holds another type
            self._dependencies.metrics.background.note("dispatch", error)

    def _do(self, claimed: Claimed) -> JobEnd:
        try:
            with continue_trace("extract", claimed.traceparent, messaging(claimed.lease.queue, "process")) as span:
                return CaptureJob(self._dependencies, claimed, span).run()
        except Exception as error:  # the lease runs out, and the capture is delivered again
            self._dependencies.metrics.background.note("capture", error)
            return "failed"


def extractor_process(settings: Settings, metrics_folder: Path | None) -> None:
    """Run one extractor process of the pool; raises ``SystemExit`` with its exit code."""
    run_worker("extractor", settings, partial(_extract, settings, metrics_folder))


def _extract(settings: Settings, metrics_folder: Path | None, stop: threading.Event) -> None:
    join_pool(metrics_folder)
    consumer = process_name()
    bind_to_log(extractor=consumer)
    frames_url, events_url = settings.broker_urls()
    with broker_errors("frames"):
        frames, heartbeat_frames = (
            connect_sync(frames_url),
            connect_sync(frames_url, socket_timeout_s=HEARTBEAT_TIMEOUT_S),
        )
    with broker_errors("events"):
        events = connect_sync(events_url)
    make_pipeline = partial(registry.make_pipeline, "holistic")
    warm_up(make_pipeline)
    stores = artifact_stores(settings)
    store = stores[0]
    _wait_for(store, stop)
    timing = Timing()
    metrics = ExtractorMetrics()
    dispatch = Dispatch(frames, consumer, timing, metrics.left.labels("capture").inc)
    dependencies = Dependencies(
        frames, events, dispatch, store, make_pipeline, timing, stop=stop,
        keep=FailedBounds(settings.failed_captures_s, settings.failed_captures_max_bytes),
        metrics=metrics,
    )  # fmt: skip
    heartbeat = Heartbeat(
        heartbeat_frames, consumer, timing, dependencies.clock, errors=dependencies.metrics.background
    )
    watch(dependencies.clock, timing.frame_deadline_s, stop)
    heartbeat.start()
    eraser = _start_eraser(settings, consumer, stores, dependencies.metrics, stop)
    log.info("extractor ready")
    Extractor(dependencies, heartbeat, settings.extractor_captures).run()
    heartbeat.end()
    eraser.join(ERASER_GRACE_S)
    _leave(frames, consumer)
    log.info("extractor stopped")


def _start_eraser(
    settings: Settings,
    consumer: str,
    stores: Sequence[ArtifactStore],
    metrics: ExtractorMetrics,
    stop: threading.Event,
) -> Eraser:
    frames_url, events_url = settings.broker_urls()
    with broker_errors("frames"):
        frames = connect_sync(frames_url)
    with broker_errors("events"):
        events = connect_sync(events_url)
    eraser = Eraser(frames, events, consumer, stores, metrics, stop)
    eraser.start()
    return eraser


def _wait_for(store: ArtifactStore, stop: threading.Event) -> None:
    """Wait until artifacts can be stored, or ``stop`` is set."""

    def on_retry(error: Exception, delay_s: float) -> None:
        log.warning("waiting for the artifacts' store", detail=str(error), again_in_s=delay_s)

    with suppress(Stopped):
        retry_sync(store.check, until=Until(ArtifactStoreError), stop=stop, on_retry=on_retry)


def _leave(frames: Broker, consumer: str) -> None:
    try:
        heartbeats.deregister_extractor(frames, consumer)
        forget_consumer(frames, consumer)
    except (BrokerUnavailable, UnreadableValue) as error:
        log.warning("stopped without deregistering", detail=str(error))
