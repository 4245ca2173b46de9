"""MediaPipe's graphs, cut down: which nodes are left, and what they are connected to."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from google.protobuf import text_format

from tests.support.later import Later
from workers.vision.pipelines.registry import make_pipeline

graphs = Later("workers.vision.pipelines.graph")
calculator_pb2 = Later("mediapipe.framework.calculator_pb2")


def graph(text: str) -> Any:
    return text_format.Parse(text, calculator_pb2.CalculatorGraphConfig())


def node(calculator: str, inputs: str, output: str) -> str:
    wanted = " ".join(f'input_stream: "{stream}"' for stream in inputs.split())
    return f'node {{ name: "{output}" calculator: "{calculator}" {wanted} output_stream: "OUT:{output}" }} '


def test_equal_nodes_are_one_and_so_are_those_that_are_equal_then() -> None:
    twice = node("Size", "image", "left_size") + node("Size", "image", "right_size")
    after = node("Cut", "SIZE:left_size", "left") + node("Cut", "SIZE:right_size", "right")
    reader = node("Both", "L:left R:right", "both")
    once = node("Size", "image", "left_size") + node("Cut", "SIZE:left_size", "left")
    assert graphs.merged(graph(twice + after + reader), ["both"]) == graph(once + node("Both", "L:left R:left", "both"))


def test_nodes_with_other_options_inputs_or_kinds_stay() -> None:
    different = graph(node("Size", "image", "a") + node("Size", "mask", "b") + node("Crop", "image", "c"))
    different.node.add().CopyFrom(different.node[0])
    different.node[-1].output_stream[:] = ["OUT:d"]
    different.node[-1].input_stream_info.add(tag_index="0", back_edge=True)
    assert graphs.merged(different, ["a"]) == different


def test_a_node_that_makes_an_output_stays() -> None:
    twice = graph(node("Size", "image", "left") + node("Size", "image", "right"))
    assert graphs.merged(twice, ["left", "right"]) == twice
    assert graphs.merged(twice, ["left"]) == graph(node("Size", "image", "left"))


def test_holistic_loads_each_model_once() -> None:
    with closing(make_pipeline("holistic")) as pipeline:
        config = calculator_pb2.CalculatorGraphConfig.FromString(pipeline._graph._graph.binary_config)  # type: ignore[attr-defined]
    loaded = [tuple(one.input_side_packet) for one in config.node if one.calculator == "TfLiteModelCalculator"]
    assert len(loaded) == len({*loaded}) == 3  # pose, face and hand
