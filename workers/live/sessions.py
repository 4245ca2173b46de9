"""The pipeline of each session of the real-time lane. No I/O: it only makes and closes pipelines.

A pipeline tracks one person from frame to frame and holds up to 200 MB, so there is one for each session, and at most
so many. Beyond that the session that was quiet for longest loses its own: it starts tracking again, and is not refused.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Set
from dataclasses import dataclass

from contracts.process.logs import get_logger
from workers.vision.pipelines.base import Pipeline

__all__ = ["LiveSessions"]

log = get_logger()


@dataclass(slots=True)
class _Tracking:
    """One session's pipeline."""

    pipeline_id: str
    pipeline: Pipeline
    used_at_s: float


class LiveSessions:
    """The pipelines of a live worker's sessions, at most ``max_graphs`` of them.

    ``make_pipeline`` makes one by its id. Times are seconds on any clock that only goes forward.
    """

    def __init__(self, max_graphs: int, make_pipeline: Callable[[str], Pipeline]) -> None:
        self._max_graphs = max_graphs
        self._make_pipeline = make_pipeline
        self._tracking: OrderedDict[str, _Tracking] = (
            OrderedDict()
        )  # ordered by last use: the session that was quiet for longest is first
        self._crowded = False

    def __contains__(self, live_id: str) -> bool:
        return live_id in self._tracking

    def __len__(self) -> int:
        return len(self._tracking)

    def pipeline(self, live_id: str, pipeline_id: str, now_s: float) -> Pipeline:
        """The session's pipeline; a fresh one if it has none, or one of another id.

        Raises:
            Exception: it cannot be made.
        """
        known = self._tracking.get(live_id)
        if known is None or known.pipeline_id != pipeline_id:
            self.discard(live_id)
            self._make_room()
            known = self._tracking[live_id] = _Tracking(pipeline_id, self._make_pipeline(pipeline_id), now_s)
        known.used_at_s = now_s
        self._tracking.move_to_end(live_id)
        return known.pipeline

    def _make_room(self) -> None:
        while len(self._tracking) >= self._max_graphs:
            if not self._crowded:
                self._crowded = True
                log.warning("more sessions than graphs: some lose track between frames", max_graphs=self._max_graphs)
            self.discard(next(iter(self._tracking)))

    def keep(self, live_ids: Set[str], used_since_s: float) -> None:
        """Close the pipelines of all other sessions, and those that were not used since then."""
        for live_id, known in list(self._tracking.items()):
            if live_id not in live_ids or known.used_at_s < used_since_s:
                self.discard(live_id)

    def discard(self, live_id: str) -> None:
        """Close a session's pipeline, if it has one."""
        known = self._tracking.pop(live_id, None)
        if known is None:
            return
        try:
            known.pipeline.close()
        except Exception as error:  # a graph that failed raises its error again when it is closed
            log.warning("a pipeline did not close", live_id=live_id, pipeline_id=known.pipeline_id, exc_info=error)

    def close(self) -> None:
        """Close every pipeline."""
        for live_id in list(self._tracking):
            self.discard(live_id)
