"""The memory that a pipeline uses, and returns when it is closed."""

from __future__ import annotations

from pathlib import Path

import simplejpeg

from tests.support.clips import face_clip
from workers.vision.pipelines.base import Pipeline
from workers.vision.pipelines.registry import make_pipeline


def resident_kb() -> int:
    """The resident memory of this process, in KB."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1])


def working() -> Pipeline:
    pipeline = make_pipeline("holistic")
    pipeline.process(simplejpeg.decode_jpeg(face_clip(1)[0]))
    return pipeline


def test_a_closed_pipeline_gives_its_memory_back() -> None:
    working().close()  # libraries and models stay loaded after the first pipeline
    before_kb = resident_kb()
    pipelines = [working() for _ in range(3)]
    held_kb = resident_kb() - before_kb
    for pipeline in pipelines:
        pipeline.close()
    kept_kb = resident_kb() - before_kb
    assert held_kb > 100_000
    assert kept_kb < held_kb / 4, f"{kept_kb} KB of {held_kb} KB are kept"
