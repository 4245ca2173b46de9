"""The model of the pose without its mask, read with TensorFlow Lite's own schema."""

from __future__ import annotations

import importlib.util
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.support.later import Later
from workers.vision.pipelines.model import POSE_MODEL, pose_model_without_mask, without_output

pytestmark = pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning")

pose, graph_module = Later("workers.vision.pipelines.pose"), Later("workers.vision.pipelines.graph")
SITE = Path(str(find_spec("mediapipe").origin)).parents[1]  # type: ignore[union-attr]
MASK, PRESENCE = 2, 1


@cache
def schema() -> Any:
    """Import the generated module by its file: its package would import the whole Tasks API of MediaPipe."""
    path = SITE / "mediapipe/tasks/metadata/schema_py_generated.py"
    spec = importlib.util.spec_from_file_location("tflite_schema", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def graph_of(model: bytes) -> Any:
    return schema().Model.GetRootAsModel(model, 0).Subgraphs(0)


def operators(graph: Any) -> list[tuple[int, tuple[int, ...], tuple[int, ...]]]:
    """Each operator's kind, inputs and outputs."""
    found = (graph.Operators(number) for number in range(graph.OperatorsLength()))
    return [(one.OpcodeIndex(), tuple(one.InputsAsNumpy()), tuple(one.OutputsAsNumpy())) for one in found]


def shapes(graph: Any) -> list[list[int]]:
    return [graph.Tensors(int(tensor)).ShapeAsNumpy().tolist() for tensor in graph.OutputsAsNumpy()]


@cache
def models() -> tuple[bytes, bytes]:
    original = (SITE / POSE_MODEL).read_bytes()
    return original, without_output(original, MASK, instead=PRESENCE)


def test_the_mask_is_the_third_output_and_the_presence_of_a_person_stands_in_for_it() -> None:
    before, after = (shapes(graph_of(model)) for model in models())
    assert before == [[1, 195], [1, 1], [1, 256, 256, 1], [1, 64, 64, 39], [1, 117]]
    assert after == [[1, 195], [1, 1], [1, 1], [1, 64, 64, 39], [1, 117]]


def test_only_operators_that_nothing_needs_are_gone() -> None:
    before, after = (operators(graph_of(model)) for model in models())
    left = iter(after)
    kept = next(left, None)
    gone = []
    for operator in before:
        if operator == kept:
            kept = next(left, None)
        else:
            gone.append(operator)
    assert kept is None, "the remaining operators are the same, in the same order"
    assert len(gone) == 46
    made = {tensor for _, _, outputs in gone for tensor in outputs}
    read = {tensor for _, inputs, _ in after for tensor in inputs} | set(graph_of(models()[1]).OutputsAsNumpy())
    assert not made & read


def test_everything_that_is_left_is_needed() -> None:
    graph = graph_of(models()[1])
    read = set(graph.OutputsAsNumpy())
    for _, inputs, outputs in reversed(operators(graph)):
        assert read & set(outputs)
        read.update(inputs)


def test_nothing_but_two_lists_is_changed() -> None:
    before, after = models()
    assert len(before) == len(after)
    changed = sum(one != other for one, other in zip(before, after, strict=True))
    assert 0 < changed < 4 * len(operators(graph_of(before)))


def test_the_process_reads_it_from_its_memory() -> None:
    path = pose_model_without_mask(SITE)
    assert path.startswith("/proc/self/fd/")
    assert Path(path).read_bytes() == models()[1]


@pytest.mark.parametrize("error", [AttributeError("not Linux"), PermissionError("a sandbox")])
def test_if_the_system_has_no_files_in_memory_mediapipe_s_own_model_is_used(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_name: str) -> int:
        raise error

    monkeypatch.setattr("os.memfd_create", refuse)
    assert pose_model_without_mask.__wrapped__(SITE) == POSE_MODEL


@pytest.mark.parametrize("outputs", [["pose_landmarks"], ["pose_landmarks", "segmentation_mask"]])
def test_a_graph_whose_mask_is_read_uses_the_model_that_computes_it(outputs: list[str]) -> None:
    side_inputs = pose._SIDE_INPUTS | {"enable_segmentation": True}
    with graph_module.TrimmedGraph(pose._GRAPH, outputs, side_inputs, pose._PARAMETERS) as graph:
        text = graph._graph.text_config
    assert ("/proc/self/fd/" in text) == ("segmentation_mask" not in outputs)
    assert (POSE_MODEL in text) == ("segmentation_mask" in outputs)
