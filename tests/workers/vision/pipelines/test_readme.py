"""Run the README's example with the file and the line that it shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import workers.vision.pipelines
from contracts.messages import pipelines
from contracts.messages.pipelines import PIPELINES, PipelineInfo
from tests.support.clips import face_clip
from tests.workers.vision.pipelines.rules import bytes_of, check_findings, findings_of, run
from workers.vision.decode import decode_jpeg
from workers.vision.pipelines.base import Image
from workers.vision.pipelines.registry import make_pipeline

pytestmark = pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning")

README = Path(workers.vision.pipelines.__file__).with_name("README.md").read_text()


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PipelineInfo]:
    """Register the example's line, and put its file where Python finds the other pipelines."""
    (name,) = re.findall(r"`workers/vision/pipelines/(\w+)\.py`:", README)
    module, line = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (tmp_path / f"{name}.py").write_text(module)
    info = eval(line, {"PipelineInfo": PipelineInfo})
    with monkeypatch.context() as patch:
        patch.setattr(workers.vision.pipelines, "__path__", [*workers.vision.pipelines.__path__, str(tmp_path)])
        patch.setitem(PIPELINES, info.pipeline_id, info)
        yield info


def images() -> list[Image]:
    decoded = [decode_jpeg(jpeg, 320, 240) for jpeg in face_clip(3, 320, 240)]
    return [image for image in decoded if image is not None]


def test_the_example_is_a_pipeline_like_the_others(added: PipelineInfo) -> None:
    with closing(make_pipeline(added.pipeline_id)) as pipeline:
        first = run(pipeline, images())
        pipeline.reset()
        assert bytes_of(run(pipeline, images())) == bytes_of(first)
    for findings in first:
        assert set(findings.landmarks) == set(added.parts)
        check_findings(added.pipeline_id, findings)


def test_the_example_does_what_it_says(added: PipelineInfo) -> None:
    steady, pose = (findings_of(name, images()[:2]) for name in (added.pipeline_id, "pose"))
    halfway = (pose[0].landmarks["pose"] + pose[1].landmarks["pose"]) / 2
    assert np.array_equal(steady[1].landmarks["pose"], halfway)


def test_the_table_has_every_pipeline() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE)
    assert rows == list(pipelines.PIPELINES)
