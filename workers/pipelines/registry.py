"""From a pipeline's id to a pipeline. Importing this module loads no model; making a pipeline loads its own."""

from __future__ import annotations

import importlib

from contracts.errors import UnknownPipeline
from contracts.pipelines import PIPELINES
from workers.pipelines.base import Pipeline

__all__ = ["make_pipeline"]


def make_pipeline(pipeline_id: str) -> Pipeline:
    """A fresh pipeline: what ``create()`` of the module ``workers.pipelines.<pipeline_id>`` makes.

    The first one of an id takes a second or more: its module loads MediaPipe. The id may come from a client: only
    those in `contracts.pipelines.PIPELINES` are ever imported.

    Raises:
        UnknownPipeline: the id is not registered.
    """
    if pipeline_id not in PIPELINES:
        raise UnknownPipeline(pipeline_id)
    create = importlib.import_module(f"workers.pipelines.{pipeline_id}").create
    pipeline: Pipeline = create()
    return pipeline
