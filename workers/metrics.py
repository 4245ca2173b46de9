"""What the processes of the pool count. Nothing that names a person, a session or a capture is ever a label."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from contracts.messages.live import LiveCode
from contracts.messages.pipelines import PIPELINES
from contracts.process.background import BackgroundErrors
from contracts.process.metrics import (
    SECONDS,
    keep_metrics_in,
    mark_dead,
    preset,
    shared_folder,
    shared_registry,
)
from contracts.process.metrics_server import metrics_served
from contracts.process.settings import Settings

__all__ = [
    "ERASURE_ENDS",
    "EXTRACTOR_TASKS",
    "LEFT_KINDS",
    "LIVE_TASKS",
    "ExtractorMetrics",
    "JobEnd",
    "LiveMetrics",
    "PoolMetrics",
    "join_pool",
    "pool_metrics",
]

JobEnd = Literal["published", "aborted", "lost", "handed_back", "failed"]
"""How a job ended. After ``failed`` the capture is delivered again, and that counts; after ``handed_back`` it does
not; ``lost`` means that another extractor has it, or will when the lease runs out."""

ERASURE_ENDS = ("erased", "failed")

LEFT_KINDS = ("capture", "erasure")

FAILURES: tuple[LiveCode, ...] = ("invalid_frame", "pipeline_failure")

EXTRACTOR_TASKS, LIVE_TASKS = ("dispatch", "capture", "heartbeat", "eraser"), ("live_worker",)

FRAME_SECONDS = (0.0005, *SECONDS)


class PoolMetrics:
    """What the parent of a pool counts, and the folder in which its processes do."""

    def __init__(self, folder: Path, kinds: Iterable[str]) -> None:
        self.folder = folder
        self.registry = shared_registry(folder)
        deaths = Counter(
            "a3cp_worker_deaths", "Processes of the pool that ended by themselves.", ["kind"], registry=self.registry
        )
        self._deaths = preset(deaths, kinds)

    def note_death(self, kind: str, name: str) -> None:
        """The process of this kind in this slot ended without being told to."""
        mark_dead(self.folder, name)
        self._deaths.labels(kind).inc()


@contextmanager
def pool_metrics(settings: Settings, kinds: Iterable[str]) -> Iterator[PoolMetrics | None]:
    """For the parent: the metrics of its pool of these kinds of processes, served inside; None if no port is set.

    Raises:
        ConfigurationError: the port is taken or forbidden, or there is no place for the folder.
    """
    if settings.metrics_port is None:
        yield None
        return
    with shared_folder() as folder:
        metrics = PoolMetrics(folder, kinds)
        with metrics_served(settings, metrics.registry):
            yield metrics


def join_pool(folder: Path | None) -> None:
    """For a process of the pool, before it makes any metric: count in the parent's folder, by its name in the pool."""
    if folder is not None:
        keep_metrics_in(folder, multiprocessing.current_process().name)


class ExtractorMetrics:
    """The metrics of one extractor process."""

    def __init__(self) -> None:
        registry = CollectorRegistry()

        def seconds(name: str, text: str) -> Histogram:
            return Histogram(name, text, registry=registry, buckets=FRAME_SECONDS)

        self.decode = seconds("a3cp_extractor_decode_seconds", "One frame's JPEG to pixels.")
        self.video_decode = seconds("a3cp_upload_decode_seconds", "One frame of an uploaded video, decoded.")
        self.inference = seconds("a3cp_extractor_inference_seconds", "One frame's pixels to landmarks.")
        self.checkpoint = seconds("a3cp_extractor_checkpoint_seconds", "One row stored, and its frame deleted.")
        self.frames = Counter("a3cp_extractor_frames", "Frames whose row is stored.", registry=registry)
        self.undecodable = Counter(
            "a3cp_extractor_undecodable_frames", "Those of them that could not be decoded.", registry=registry
        )
        captures = Counter(
            "a3cp_extractor_captures", "Captures that a process was done with, by how.", ["outcome"], registry=registry
        )
        self.captures = preset(captures, get_args(JobEnd))
        erasures = Counter(
            "a3cp_extractor_erasures", "Artifacts that were to be erased, by how that ended; failed ones are repeated.",
            ["outcome"], registry=registry,
        )  # fmt: skip
        self.erasures = preset(erasures, ERASURE_ENDS)
        left = Counter(
            "a3cp_extractor_left_entries", "Entries left to an extractor of another release, by what they are for.",
            ["kind"], registry=registry,
        )  # fmt: skip
        self.left = preset(left, LEFT_KINDS)
        self.background = BackgroundErrors(registry, EXTRACTOR_TASKS)
        self.takeovers = Counter(
            "a3cp_extractor_takeovers", "Captures that another extractor had before.", registry=registry
        )
        self.busy = Gauge(
            "a3cp_extractor_busy", "Captures that extractors have in hand.", registry=registry,
            multiprocess_mode="livesum",
        )  # fmt: skip


class LiveMetrics:
    """The metrics of one live worker."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self.decode = Histogram(
            "a3cp_live_decode_seconds", "One frame's JPEG to pixels.", registry=registry, buckets=FRAME_SECONDS
        )
        self.inference = Histogram(
            "a3cp_live_inference_seconds", "One frame's pixels to landmarks and detections.", ["pipeline_id"],
            registry=registry, buckets=FRAME_SECONDS,
        )  # fmt: skip
        frames = Counter("a3cp_live_frames", "Frames that got a result.", ["pipeline_id"], registry=registry)
        self.frames = preset(frames, PIPELINES)
        failed = Counter(
            "a3cp_live_failed_frames", "Frames that got an error instead, by its code.", ["code"], registry=registry
        )
        self.failed = preset(failed, FAILURES)
        self.left = Counter(
            "a3cp_live_left_frames", "Frames in a format of another release; their sessions get an error.",
            registry=registry,
        )  # fmt: skip
        self.background = BackgroundErrors(registry, LIVE_TASKS)
        self.graphs = Gauge(
            "a3cp_live_graphs", "Pipelines that are held for sessions.", registry=registry, multiprocess_mode="livesum"
        )
