"""The pipelines of the real-time lane. Importing this module loads no model.

The pipeline ``NAME`` is ``workers/vision/pipelines/NAME.py``; its line here makes it known to gateways, workers
and pages.
"""

from __future__ import annotations

from contracts.messages.base import StrictModel
from contracts.rules.landmarks import Part

__all__ = ["PIPELINES", "PipelineInfo"]


class PipelineInfo(StrictModel):
    """One pipeline, as ``GET /pipelines`` shows it. ``parts`` are those it looks for."""

    pipeline_id: str
    title: str
    parts: tuple[Part, ...]


_REGISTERED = (
    PipelineInfo(pipeline_id="holistic", title="Whole body", parts=("pose", "left_hand", "right_hand", "face")),
    PipelineInfo(pipeline_id="pose", title="Pose", parts=("pose",)),
    PipelineInfo(pipeline_id="hands", title="Hands", parts=("left_hand", "right_hand")),
    PipelineInfo(pipeline_id="face", title="Face", parts=("face",)),
)

PIPELINES: dict[str, PipelineInfo] = {pipeline.pipeline_id: pipeline for pipeline in _REGISTERED}
