"""Ids and modules belong together, and no model is loaded before it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.messages.pipelines import PIPELINES
from contracts.rules.errors import A3CPError, UnknownPipeline
from workers.vision.pipelines import registry
from workers.vision.pipelines.registry import make_pipeline

FOLDER = Path(registry.__file__).parent


def makes_pipelines(module: Path) -> bool:
    tree = ast.parse(module.read_text())
    return any(isinstance(node, ast.FunctionDef) and node.name == "create" for node in tree.body)


def test_every_line_has_its_module_and_every_module_its_line() -> None:
    modules = {module.stem for module in FOLDER.glob("*.py") if makes_pipelines(module)}
    assert modules == set(PIPELINES)
    assert all(pipeline_id == info.pipeline_id for pipeline_id, info in PIPELINES.items())


@pytest.mark.parametrize("pipeline_id", ["", "Holistic", "base", "registry", "solution", "../pose", "pose.find", "os"])
def test_an_id_that_is_not_registered_is_refused_and_nothing_is_imported(pipeline_id: str) -> None:
    before = set(sys.modules)
    with pytest.raises(UnknownPipeline) as refused:
        make_pipeline(pipeline_id)
    assert refused.value.pipeline_id == pipeline_id
    assert isinstance(refused.value, A3CPError)
    assert set(sys.modules) == before


def test_the_registry_loads_no_model_and_a_pipeline_does() -> None:
    code = (
        "import sys; from workers.vision.pipelines import registry, solution; before = 'mediapipe' in sys.modules; "
        "registry.make_pipeline('face').close(); print(before, 'mediapipe' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "True"]
