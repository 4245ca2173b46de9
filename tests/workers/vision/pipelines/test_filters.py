"""A graph that is reset and not opened again: it takes another filter, and finds what a new graph finds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import cache
from unittest import mock

import numpy as np
import pytest

from tests.support.clips import face_clip
from tests.workers.vision.pipelines.rules import bytes_of, findings_of, run
from workers.vision.decode import decode_jpeg
from workers.vision.pipelines import filters, graph, pose
from workers.vision.pipelines.base import Image
from workers.vision.pipelines.filters import VIDEO_STREAM
from workers.vision.pipelines.graph import TrimmedGraph
from workers.vision.pipelines.registry import make_pipeline

pytestmark = pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning")


@cache
def portraits() -> list[Image]:
    images = [decode_jpeg(jpeg, 320, 240) for jpeg in face_clip(3, 320, 240)]
    return [image for image in images if image is not None]


@pytest.fixture
def opened() -> Iterator[mock.Mock]:
    """Counts how often a graph has given memory back, because it was opened again."""
    with mock.patch.object(graph, "give_back", wraps=graph.give_back) as counted:
        yield counted


@pytest.mark.parametrize("videos", [2, 5])
def test_a_graph_without_a_filter_left_is_opened_again(
    videos: int, opened: mock.Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (filters, graph):
        monkeypatch.setattr(module, "VIDEOS", videos)
    fresh = bytes_of(findings_of("pose", portraits()))
    with closing(make_pipeline("pose")) as pipeline:
        for _ in range(5):
            assert bytes_of(run(pipeline, portraits())) == fresh
            pipeline.reset()
    assert opened.call_count == 5 // videos


def test_a_graph_that_finds_a_person_where_there_is_none_is_opened_again(
    opened: mock.Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = bytes_of(findings_of("pose", portraits()))
    monkeypatch.setattr(graph, "_NO_PERSON", portraits()[0])
    with closing(make_pipeline("pose")) as pipeline:
        run(pipeline, portraits())
        pipeline.reset()
        assert bytes_of(run(pipeline, portraits())) == fresh
    assert opened.call_count == 1


@pytest.mark.parametrize(
    ("outputs", "smooth", "has_filters"),
    [
        (["pose_landmarks"], True, True),
        (["pose_landmarks"], False, False),
        (["pose_landmarks", "segmentation_mask"], True, False),
    ],
)
def test_only_a_graph_that_smooths_and_draws_no_mask_has_filters_for_its_videos(
    outputs: list[str], smooth: bool, has_filters: bool
) -> None:
    side_inputs = pose._SIDE_INPUTS | {"smooth_landmarks": smooth, "enable_segmentation": True}
    with TrimmedGraph(pose._GRAPH, outputs, side_inputs, pose._PARAMETERS) as trimmed:
        assert (f"SELECT:{VIDEO_STREAM}" in trimmed._graph.text_config) == has_filters
        assert trimmed.process(np.zeros((48, 64, 3), np.uint8)).pose_landmarks is None
