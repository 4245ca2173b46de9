"""One extractor process: takes one capture after the other."""

from __future__ import annotations

import multiprocessing
import os
import secrets
import socket
import sys
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import structlog

from contracts.broker import Broker, backoff_s, broker_errors, connect_sync
from contracts.errors import BrokerUnavailable
from contracts.keys import EXTRACTORS
from contracts.process import run_process
from contracts.settings import Settings
from workers.capture_job import CaptureJob
from workers.lease import Dispatch, Timing, forget_consumer
from workers.pipelines.base import PipelineFactory
from workers.pulse import Pulse, Watchdog
from workers.steps import Bench
from workers.stop_signals import stop_signals

__all__ = ["Extractor", "extractor_process", "warm_up"]

PULSE_TIMEOUT_S = 2.0
"""A heartbeat that waits longer for its answer comes too late for a lease of 5 s."""

log = structlog.get_logger()


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
            if claimed is None:
                failures = 0
                continue
            with self._pulse.holding(claimed.lease):
                end = CaptureJob(self._bench, claimed).run()
            failures = failures + 1 if end == "failed" else 0
            if failures:  # leave it to another extractor first
                stop.wait(backoff_s(failures))


def warm_up(make_pipeline: PipelineFactory) -> None:
    """Load the models before a capture waits for them, and see that they work here.

    Raises:
        Exception: they do not.
    """
    with closing(make_pipeline()) as pipeline:
        pipeline.process(np.zeros((48, 64, 3), np.uint8))


def extractor_process(settings: Settings) -> None:
    """What each process of the pool runs; raises ``SystemExit`` with its exit code."""
    _mute_native_logs()
    sys.exit(run_process("extractor", lambda: _main(settings)))


def _main(settings: Settings) -> int:
    stop = threading.Event()
    with stop_signals() as descriptor:  # from here on: the pool starts us with SIGINT blocked

        def wait() -> None:
            os.read(descriptor, 1)
            stop.set()

        threading.Thread(target=wait, name="signals", daemon=True).start()
        _extract(settings, stop)
    return 0


def _extract(settings: Settings, stop: threading.Event) -> None:
    from workers.pipelines.holistic import HolisticPipeline  # here: the parent never loads MediaPipe

    consumer = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
    structlog.contextvars.bind_contextvars(extractor=consumer)
    frames_url, events_url = settings.broker_urls()
    with broker_errors("frames"):
        frames, pulse_frames = connect_sync(frames_url), connect_sync(frames_url, socket_timeout_s=PULSE_TIMEOUT_S)
    with broker_errors("events"):
        events = connect_sync(events_url)
    warm_up(HolisticPipeline)
    timing = Timing()
    bench = Bench(
        frames, events, Dispatch(frames, consumer, timing), settings.data_root, HolisticPipeline, timing, stop=stop
    )
    pulse = Pulse(pulse_frames, consumer, timing, bench.clock)
    Watchdog(bench.clock, timing.frame_deadline_s, is_orphan=_is_orphan, on_orphaned=stop.set).start()
    pulse.start()
    log.info("extractor ready")
    Extractor(bench, pulse).run()
    pulse.end()
    _leave(frames, consumer)
    log.info("extractor stopped")


def _leave(frames: Broker, consumer: str) -> None:
    try:
        with broker_errors("frames"):
            frames.zrem(EXTRACTORS, consumer)
        forget_consumer(frames, consumer)
    except BrokerUnavailable as error:
        log.warning("left without a word", detail=str(error))


def _mute_native_logs() -> None:
    # MediaPipe's C++ logs several lines for every graph, at a level that nothing sets. Python keeps the
    # real standard error; what native code writes to descriptor 2 goes nowhere.
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)


def _is_orphan() -> bool:
    parent = multiprocessing.parent_process()
    return parent is not None and not parent.is_alive()
