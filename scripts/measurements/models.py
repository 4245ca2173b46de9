"""The floor of extraction in processor time: the models of Holistic's graph, each alone.

Each model runs in a graph of its own, the same node with the same options, in the thread that calls it. Its inputs are
tensors that it gets in the whole graph, and it runs for the frames for which it runs there.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import cycle
from multiprocessing.connection import Connection
from typing import Any, Final, NamedTuple

from contracts.process.settings import Settings
from scripts.measurements.bare import process_of
from scripts.measurements.clips import CLIPS, TWO_HANDS, clip
from scripts.measurements.rows import BenchRow, median
from workers.pool.process import mute_native_logs

__all__ = ["GOAL", "Models", "measure_models", "models_of"]

GOAL: Final = 1.25
"""How much of its models' own processor time a frame with two hands may take."""

SIZE = 640, 480
ROUNDS = 5
ROUND_FRAMES = 60
KEPT_EVERY = 15
"""Each so many frames the models' inputs are kept, 4 MB: they are what the models run on."""

_NAMES: Final = {
    "posedetectioncpu": "pose detection",
    "poselandmarkbyroicpu": "pose",
    "handrecropbyroicpu": "hand recrop",
    "handlandmarkcpu": "hand",
    "facedetection": "face detection",
    "facelandmarkcpu": "face",
}
"""A model's name by the subgraph of its node."""


async def measure_models(_settings: Settings) -> list[BenchRow]:
    """Measure what decoding and finding landmarks take to the models alone, and list the models, for each clip."""
    rows: list[BenchRow] = []
    for hands in CLIPS:
        measured = await asyncio.to_thread(_measured, clip(hands))
        goal = GOAL if hands == TWO_HANDS else None
        rows.append(BenchRow(f"decode and landmarks, {hands}: processor time a frame", measured.ours_ms, "ms", goal,
                        measured.floor_ms, "its models alone"))  # fmt: skip
        rows += [
            BenchRow(f"   … {name} alone, {model.runs:.2f} runs a frame", model.ms, "ms")
            for name, model in measured.models.items()
        ]
    return rows


class ModelCost(NamedTuple):
    """How often a model runs for a frame, on average, and the milliseconds of processor time that this takes."""

    runs: float
    ms: float


class Measured(NamedTuple):
    """Milliseconds of processor time a frame: of this project's decoder and pipeline, of the models alone, of each."""

    ours_ms: float
    floor_ms: float
    models: Mapping[str, ModelCost]


def _measured(jpegs: Sequence[bytes]) -> Measured:
    with process_of(_measure, jpegs) as connection:
        result: Measured = connection.recv()
        return result


def _measure(connection: Connection, jpegs: Sequence[bytes]) -> None:
    """Run both in turns, in one process, so that they share its allocator and its state of the machine."""
    connection.send(None)
    mute_native_logs()
    models, ours = Models(jpegs), _pipeline(jpegs)
    rounds: dict[str, list[float]] = defaultdict(list)
    frames = [number % len(jpegs) for number in range(ROUNDS * ROUND_FRAMES)]
    for first in range(0, len(frames), ROUND_FRAMES):
        for name, one in (("models", models.run), ("ours", ours)):
            rounds[name].append(_ms_a_frame(one, frames[first : first + ROUND_FRAMES]))
    connection.send(Measured(median(rounds["ours"]), median(rounds["models"]), models.costs(len(frames))))


def _ms_a_frame(one: Callable[[int], None], frames: Sequence[int]) -> float:
    began_s = time.process_time()
    for number in frames:
        one(number)
    return 1000 * (time.process_time() - began_s) / len(frames)


def _pipeline(jpegs: Sequence[bytes]) -> Callable[[int], None]:
    """What an extractor does with a frame between its two calls of the broker."""
    from workers.vision.pipelines.registry import make_pipeline

    pipeline = make_pipeline("holistic")

    def one(number: int) -> None:
        pipeline.process(_decoded(jpegs[number]))

    one(0)
    return one


def models_of(jpegs: Sequence[bytes]) -> Callable[[int], None]:
    """For `scripts.measurements.bare.crowd`: runs the models of one frame of the clip."""
    mute_native_logs()
    return Models(jpegs).run


class Models:
    """The models of Holistic's graph, each alone.

    Args:
        jpegs: the clip, 640 × 480. The whole graph runs on it once, to see which models run for which frame.
    """

    def __init__(self, jpegs: Sequence[bytes]) -> None:
        whole = _WholeGraph()
        kept: dict[str, list[Any]] = defaultdict(list)
        self._of_frame: list[list[str]] = []
        for number, jpeg in enumerate(jpegs):
            inputs = whole.inputs(jpeg)
            self._of_frame.append([*inputs])
            for node, tensors in inputs.items():
                if number % KEPT_EVERY == 0 or node not in kept:
                    kept[node].append(tensors)
        self._models = {node: _Model(whole.alone(node), tensors) for node, tensors in kept.items()}

    def run(self, frame: int) -> None:
        """Run the models that run for this frame of the clip, each one time."""
        for node in self._of_frame[frame]:
            self._models[node].run()

    def costs(self, frames: int) -> dict[str, ModelCost]:
        """What each kind of model took so far, over so many frames; the most expensive one first."""
        costs: dict[str, ModelCost] = {}
        for node, model in self._models.items():
            before = costs.get(name := _name(node), ModelCost(0, 0))
            costs[name] = ModelCost(before.runs + model.runs / frames, before.ms + 1000 * model.cpu_s / frames)
        return dict(sorted(costs.items(), key=lambda item: -item[1].ms))


class _WholeGraph:
    """The graph of `workers.vision.pipelines.holistic`, and what its models get of a frame."""

    def __init__(self) -> None:
        from mediapipe.framework.calculator_pb2 import CalculatorGraphConfig
        from mediapipe.python._framework_bindings.calculator_graph import CalculatorGraph

        from workers.vision.pipelines.registry import make_pipeline

        solution: Any = make_pipeline("holistic")._graph  # type: ignore[attr-defined]
        self._side_packets = solution._input_side_packets
        self._config = CalculatorGraphConfig.FromString(solution._graph.binary_config)
        self._nodes = {node.name: node for node in self._config.node if node.calculator == "InferenceCalculatorCpu"}
        self._graph = CalculatorGraph(graph_config=self._config)
        self._seen: dict[str, Any] = {}
        for name, node in self._nodes.items():
            self._graph.observe_output_stream(_stream(node.input_stream[0]), partial(self._see, name))
        self._graph.start_run(self._side_packets)
        self._frames = 0

    def _see(self, node: str, _stream: str, tensors: Any) -> None:
        self._seen[node] = tensors

    def inputs(self, jpeg: bytes) -> dict[str, Any]:
        """Process the next frame; returns the packet of tensors that each model ran on, by the name of its node."""
        from mediapipe.python._framework_bindings.image_frame import ImageFormat
        from mediapipe.python.packet_creator import create_image_frame

        from workers.vision.pipelines.graph import FRAME_US

        self._seen = {}
        self._frames += 1
        image = create_image_frame(_decoded(jpeg), image_format=ImageFormat.SRGB)
        self._graph.add_packet_to_input_stream("image", image.at(self._frames * FRAME_US))
        self._graph.wait_until_idle()
        return self._seen

    def alone(self, name: str) -> _OneNode:
        """A graph of this node and of those that load its model. It runs in the thread that calls it."""
        from mediapipe.framework.calculator_pb2 import CalculatorGraphConfig
        from mediapipe.python._framework_bindings.calculator_graph import CalculatorGraph

        makers = {_stream(side): node for node in self._config.node for side in node.output_side_packet}
        nodes, wanted = {name: self._nodes[name]}, [*self._nodes[name].input_side_packet]
        given = {}
        while wanted:
            side = _stream(wanted.pop())
            if (maker := makers.get(side)) is None:
                given[side] = self._side_packets[side]
            elif maker.name not in nodes:
                nodes[maker.name] = maker
                wanted += maker.input_side_packet
        config = CalculatorGraphConfig(
            node=nodes.values(), input_stream=[_stream(self._nodes[name].input_stream[0])], input_side_packet=given
        )
        config.executor.add().type = "ApplicationThreadExecutor"
        graph = CalculatorGraph(graph_config=config)
        graph.start_run(given)
        return _OneNode(graph, config.input_stream[0])


class _OneNode(NamedTuple):
    graph: Any
    input_stream: str


class _Model:
    """One model in its own graph, which runs on the same inputs again and again.

    Attributes:
        runs: how often it ran.
        cpu_s: the seconds of processor time that this took.
    """

    def __init__(self, node: _OneNode, inputs: Sequence[Any]) -> None:
        self._node = node
        self._inputs = cycle(inputs)
        self._time = 0
        self.runs = 0
        self.cpu_s = 0.0
        self.run()  # the first one loads the model
        self.runs, self.cpu_s = 0, 0.0

    def run(self) -> None:
        """Infer once."""
        began_s = time.thread_time()
        self._time += 1
        self._node.graph.add_packet_to_input_stream(self._node.input_stream, next(self._inputs).at(self._time))
        self._node.graph.wait_until_idle()
        self.cpu_s += time.thread_time() - began_s
        self.runs += 1


def _decoded(jpeg: bytes) -> Any:
    from workers.vision.decode import decode_jpeg

    image = decode_jpeg(jpeg, *SIZE)
    assert image is not None
    return image


def _stream(tagged: str) -> str:
    """A stream's name, of ``TAG:name``."""
    return tagged.rsplit(":", 1)[-1]


def _name(node: str) -> str:
    """What a model finds, of its node's name: the subgraphs that it is in, from the outermost one."""
    subgraphs = node.split("__")
    return _NAMES[subgraphs[subgraphs.index("inferencecalculator") - 1]]
