"""The pipeline that an extractor keeps from one capture for the next one."""

from __future__ import annotations

import threading

from contracts.process.logs import get_logger
from workers.vision.pipelines.base import Findings, Image, Pipeline, PipelineFactory

__all__ = ["SparePipeline"]

KEEP_S = 60.0
"""How long a process keeps a pipeline that no capture uses, 140 MB: most takes of a session follow one another within a
minute."""

log = get_logger()


class SparePipeline:
    """Makes the pipelines of one process, and keeps one that a capture closes for the next capture. To reset it takes
    7 ms of processor time; to make another one, load its models and close it takes 180 ms.

    At most one is kept, for ``keep_s`` seconds at most, and none that failed. Any thread may call the methods.
    """

    def __init__(self, make: PipelineFactory, keep_s: float = KEEP_S) -> None:
        self._make = make
        self._keep_s = keep_s
        self._lock = threading.Lock()
        self._spare: Pipeline | None = None
        self._timer: threading.Timer | None = None

    def make(self) -> Pipeline:
        """A pipeline that has forgotten every frame so far, or a new one."""
        return _Lent(self._take() or self._make(), self)

    def give_back(self, pipeline: Pipeline) -> None:
        """Keep this pipeline, or close it if there is one already. Raises nothing."""
        try:
            pipeline.reset()
        except Exception as error:
            log.warning("a pipeline is not kept", exc_info=error)
            pipeline.close()
            return
        with self._lock:
            if self._spare is None:
                self._spare = pipeline
                self._timer = threading.Timer(self._keep_s, self._drop, [pipeline])
                self._timer.daemon = True
                self._timer.start()
                return
        pipeline.close()

    def close(self) -> None:
        """Close the pipeline that is kept, if there is one."""
        if pipeline := self._take():
            pipeline.close()

    def _take(self) -> Pipeline | None:
        with self._lock:
            pipeline, self._spare = self._spare, None
            if self._timer is not None:
                self._timer.cancel()
            self._timer = None
        return pipeline

    def _drop(self, pipeline: Pipeline) -> None:
        with self._lock:
            if self._spare is not pipeline:  # a capture has taken it just now
                return
            self._spare = self._timer = None
        pipeline.close()


class _Lent:
    """A pipeline for one capture, which gives it back by closing it."""

    def __init__(self, pipeline: Pipeline, owner: SparePipeline) -> None:
        self._pipeline = pipeline
        self._owner = owner
        self._failed = False

    def process(self, image: Image) -> Findings:
        try:
            return self._pipeline.process(image)
        except BaseException:
            self._failed = True
            raise

    def reset(self) -> None:
        self._pipeline.reset()

    def close(self) -> None:
        if self._failed:
            self._pipeline.close()
        else:
            self._owner.give_back(self._pipeline)
