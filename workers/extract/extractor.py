"""One extractor process: takes one capture after the other."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

from contracts.broker.keys import EXTRACTORS
from contracts.broker.roles import Broker, broker_errors, connect_sync
from contracts.process.logs import bind_to_log, get_logger
from contracts.process.retry import backoff_s
from contracts.process.settings import Settings
from contracts.rules.errors import ArtifactStoreError, BrokerUnavailable, UnreadableValue
from workers.extract.capture_job import CaptureJob, JobEnd
from workers.extract.heartbeat import Pulse
from workers.extract.lease import Claimed, Dispatch, Timing, forget_consumer
from workers.extract.retries import Bench
from workers.metrics import ExtractorMetrics, join_pool
from workers.pool.process import process_name, run_worker, warm_up, watch
from workers.vision.artifact import ArtifactStore, artifact_store
from workers.vision.pipelines import registry

__all__ = ["Extractor", "extractor_process"]

PULSE_TIMEOUT_S = 2.0
"""A heartbeat that waits longer for its answer comes too late for a lease of 5 s."""

log = get_logger()


class Extractor:
    """Takes and does captures until ``bench.stop`` is set."""

    def __init__(self, bench: Bench, pulse: Pulse) -> None:
        self._bench = bench
        self._pulse = pulse

    def run(self) -> None:
        """Work. A broker that is away is reported and asked again with backoff."""
        stop = self._bench.stop
        failures = 0
        while not stop.is_set():
            try:
                claimed = self._bench.dispatch.take()
            except BrokerUnavailable as error:
                log.warning("no captures to be had", detail=str(error), again_in_s=backoff_s(failures))
                stop.wait(backoff_s(failures))
                failures += 1
                continue
            except Exception as error:  # what is in the broker is not what it must be; it may be put right
                self._bench.metrics.background.note("dispatch", error)
                stop.wait(backoff_s(failures))
                failures += 1
                continue
            if claimed is None:
                failures = 0
                continue
            with self._pulse.holding(claimed.lease), self._bench.metrics.busy.track_inprogress():
                end = self._do(claimed)
            failures = failures + 1 if end == "failed" else 0
            if failures:  # leave it to another extractor first
                stop.wait(backoff_s(failures))

    def _do(self, claimed: Claimed) -> JobEnd:
        try:
            return CaptureJob(self._bench, claimed).run()
        except Exception as error:  # its lease runs out, and it is delivered again
            self._bench.metrics.background.note("capture", error)
            return "failed"


def extractor_process(settings: Settings, metrics_folder: Path | None) -> None:
    """What each extractor process of the pool runs; raises ``SystemExit`` with its exit code."""
    run_worker("extractor", partial(_extract, settings, metrics_folder))


def _extract(settings: Settings, metrics_folder: Path | None, stop: threading.Event) -> None:
    join_pool(metrics_folder)
    consumer = process_name()
    bind_to_log(extractor=consumer)
    frames_url, events_url = settings.broker_urls()
    with broker_errors("frames"):
        frames, pulse_frames = connect_sync(frames_url), connect_sync(frames_url, socket_timeout_s=PULSE_TIMEOUT_S)
    with broker_errors("events"):
        events = connect_sync(events_url)
    make_pipeline = partial(registry.make_pipeline, "holistic")
    warm_up(make_pipeline)
    store = artifact_store(settings)
    _wait_for(store, stop)
    timing = Timing()
    bench = Bench(
        frames, events, Dispatch(frames, consumer, timing), store, make_pipeline, timing, stop=stop,
        metrics=ExtractorMetrics(),
    )  # fmt: skip
    pulse = Pulse(pulse_frames, consumer, timing, bench.clock, errors=bench.metrics.background)
    watch(bench.clock, timing.frame_deadline_s, stop)
    pulse.start()
    log.info("extractor ready")
    Extractor(bench, pulse).run()
    pulse.end()
    _leave(frames, consumer)
    log.info("extractor stopped")


def _wait_for(store: ArtifactStore, stop: threading.Event) -> None:
    """Take no capture before there is a place for what comes of it."""
    attempt = 0
    while not stop.is_set():
        try:
            return store.check()
        except ArtifactStoreError as error:
            log.warning("the artifacts' store is waited for", detail=str(error), again_in_s=backoff_s(attempt))
            stop.wait(backoff_s(attempt))
            attempt += 1
    return None


def _leave(frames: Broker, consumer: str) -> None:
    try:
        with broker_errors("frames"):
            frames.zrem(EXTRACTORS, consumer)
        forget_consumer(frames, consumer)
    except (BrokerUnavailable, UnreadableValue) as error:
        log.warning("left without a word", detail=str(error))
