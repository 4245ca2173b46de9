"""The pipeline that an extractor keeps for the next capture: which one, and for how long."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.support.waiting import wait_until
from tests.workers.broker_capture import FakePipeline
from workers.extract.spare import SparePipeline
from workers.vision.pipelines.base import Findings, Image

BLACK = np.zeros((2, 2, 3), np.uint8)


@pytest.fixture
def made() -> list[FakePipeline]:
    return []


def spare(made: list[FakePipeline], kind: type[FakePipeline] = FakePipeline, **more: Any) -> SparePipeline:
    def make() -> FakePipeline:
        made.append(kind())
        return made[-1]

    return SparePipeline(make, **more)


def test_the_next_capture_has_the_pipeline_of_the_last_one_reset(made: list[FakePipeline]) -> None:
    pipelines = spare(made)
    for _ in range(3):
        pipeline = pipelines.make()
        assert made[0].seen == 0
        pipeline.process(BLACK)
        pipeline.close()
    assert [one.closed for one in made] == [False]
    pipelines.close()
    assert [one.closed for one in made] == [True]


def test_captures_at_the_same_time_have_one_each_and_one_is_kept(made: list[FakePipeline]) -> None:
    pipelines = spare(made)
    first, second = pipelines.make(), pipelines.make()
    second.close()
    first.close()
    assert [one.closed for one in made] == [True, False]


def test_one_that_failed_is_not_kept(made: list[FakePipeline]) -> None:
    class Failing(FakePipeline):
        def process(self, image: Image) -> Findings:
            raise RuntimeError

    pipelines = spare(made, Failing)
    pipeline = pipelines.make()
    with pytest.raises(RuntimeError):
        pipeline.process(BLACK)
    pipeline.close()
    pipelines.make()
    assert [one.closed for one in made] == [True, False]


def test_one_that_cannot_be_reset_is_not_kept(made: list[FakePipeline]) -> None:
    class Stuck(FakePipeline):
        def reset(self) -> None:
            raise RuntimeError

    pipelines = spare(made, Stuck)
    pipelines.make().close()
    pipelines.make()
    assert [one.closed for one in made] == [True, False]


def test_one_that_no_capture_needs_is_closed_after_a_while(made: list[FakePipeline]) -> None:
    pipelines = spare(made, keep_s=0.01)
    pipelines.make().close()
    wait_until(lambda: made[0].closed)
    pipelines.make()
    assert len(made) == 2


def test_one_that_was_taken_is_not_closed_by_its_timer(made: list[FakePipeline]) -> None:
    pipelines = spare(made)
    pipelines.make().close()
    timer = pipelines._timer
    assert timer is not None
    pipelines.make()
    timer.function(*timer.args)  # it fired just when the capture took the pipeline
    assert not made[0].closed and timer.finished.is_set()
