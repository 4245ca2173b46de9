"""Checks that every pipeline must pass."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import numpy as np

from contracts.messages.live import Detection
from contracts.messages.pipelines import PIPELINES
from contracts.rules.landmarks import LAYOUT
from workers.vision.pipelines.base import Findings, Image, Pipeline
from workers.vision.pipelines.registry import make_pipeline

__all__ = ["bytes_of", "check_findings", "findings_of", "run"]


def run(pipeline: Pipeline, images: Sequence[Image]) -> list[Findings]:
    return [pipeline.process(image) for image in images]


def findings_of(pipeline_id: str, images: Sequence[Image]) -> list[Findings]:
    """The findings of a new pipeline."""
    with closing(make_pipeline(pipeline_id)) as pipeline:
        return run(pipeline, images)


def bytes_of(all_findings: Sequence[Findings]) -> list[object]:
    return [
        ({part: points.tobytes() for part, points in findings.landmarks.items()}, dict(findings.confidences))
        for findings in all_findings
    ]


def check_findings(pipeline_id: str, findings: Findings) -> None:
    """The parts are the pipeline's, in the contract's shapes, each with a valid detection whose box holds it."""
    assert set(findings.landmarks) <= set(PIPELINES[pipeline_id].parts)
    assert findings.confidences.keys() == findings.landmarks.keys()
    assert [detection.label for detection in findings.detections] == list(findings.landmarks)
    shapes = {part.name: (part.landmarks, len(part.coordinates)) for part in LAYOUT}
    for detection, (part, points) in zip(findings.detections, findings.landmarks.items(), strict=True):
        assert points.shape == shapes[part]
        assert points.dtype == np.float32
        assert Detection.model_validate_json(detection.model_dump_json()) == detection
        assert 0 < detection.confidence <= 1
        x0, y0, x1, y1 = detection.box
        assert x0 < x1 and y0 < y1, "every part of these pictures is in them"
        inside = points[((points[:, :2] >= 0) & (points[:, :2] <= 1)).all(axis=1), :2]
        assert len(inside)
        assert (inside >= (x0, y0)).all() and (inside <= (x1, y1)).all()
