"""From a pipeline's id to a pipeline. Importing this module loads no model; making a pipeline loads its own."""

from __future__ import annotations

import importlib

from contracts.messages.pipelines import PIPELINES
from contracts.rules.errors import UnknownPipeline
from workers.vision.pipelines.base import Pipeline
from workers.vision.pipelines.lean import load_mediapipe

__all__ = ["make_pipeline"]


def make_pipeline(pipeline_id: str) -> Pipeline:
    """A fresh pipeline: what ``create()`` of the module ``workers.vision.pipelines.<pipeline_id>`` makes.

    The first one takes a quarter of a second or more: MediaPipe is loaded. The id may come from a client: only
    those in `contracts.messages.pipelines.PIPELINES` are ever imported.

    Raises:
        UnknownPipeline: the id is not registered.
    """
    if pipeline_id not in PIPELINES:
        raise UnknownPipeline(pipeline_id)
    load_mediapipe()
    create = importlib.import_module(f"workers.vision.pipelines.{pipeline_id}").create
    pipeline: Pipeline = create()
    return pipeline
