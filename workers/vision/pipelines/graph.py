"""One of MediaPipe's graphs, cut down to what is read of it. Importing this module loads MediaPipe.

MediaPipe's own classes compute and convert more than anybody asks for here, in every frame: landmarks in metres, masks,
a new Python class for the answer, an object for each landmark. Without that a frame of Holistic takes a quarter less
processor time, and its landmarks are the same bits: what is left out feeds nothing that is left in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mediapipe
from mediapipe.calculators.core.constant_side_packet_calculator_pb2 import ConstantSidePacketCalculatorOptions
from mediapipe.framework.calculator_pb2 import CalculatorGraphConfig
from mediapipe.python._framework_bindings.image_frame import ImageFormat
from mediapipe.python.packet_creator import create_image_frame
from mediapipe.python.packet_getter import _packet_getter
from mediapipe.python.solution_base import SolutionBase

from workers.vision.pipelines.base import Image
from workers.vision.pipelines.model import POSE_MODEL, pose_model_without_mask

__all__ = ["FRAME_US", "TrimmedGraph", "merged", "trimmed"]

FRAME_US = 33_333
"""How far apart frames are for MediaPipe, whose smoothing depends on it: its own classes count like this."""


class TrimmedGraph(SolutionBase):  # type: ignore[misc]  # MediaPipe has no types
    """Runs ``graph``, a file in MediaPipe's wheel, in video mode; ``outputs`` are the landmark lists to read.

    ``side_inputs`` and ``calculator_params`` are those of `SolutionBase`.
    """

    def __init__(
        self, graph: str, outputs: Sequence[str], side_inputs: Mapping[str, Any], calculator_params: Mapping[str, Any]
    ) -> None:
        super().__init__(graph, side_inputs=side_inputs, outputs=list(outputs), calculator_params=calculator_params)

    def _initialize_graph_interface(self, *arguments: Any) -> Any:
        config = super()._initialize_graph_interface(*arguments)
        outputs = list(self._output_stream_type_info)
        return _without_mask(merged(trimmed(config, outputs), outputs))

    def process(self, image: Image) -> SimpleNamespace:
        """The outputs by name: a landmark list as a serialized protobuf, None where nothing was found.

        Raises:
            RuntimeError: the graph failed.
        """
        self._graph_outputs.clear()
        self._simulated_timestamp += FRAME_US
        packet = create_image_frame(image, image_format=ImageFormat.SRGB)
        self._graph.add_packet_to_input_stream("image", packet.at(self._simulated_timestamp))
        self._graph.wait_until_idle()
        return SimpleNamespace(**{name: self._serialized(name) for name in self._output_stream_type_info})

    def _serialized(self, name: str) -> bytes | None:
        packet = self._graph_outputs.get(name)
        if packet is None or packet.is_empty():
            return None
        serialized: bytes = _packet_getter._get_serialized_proto(packet)
        return serialized


def trimmed(config: CalculatorGraphConfig, outputs: Sequence[str]) -> CalculatorGraphConfig:
    """The graph without the nodes that have no part in ``outputs``; the others are untouched, in the same order."""
    makers = {
        made: number
        for number, node in enumerate(config.node)
        for made in (*_names("stream", node.output_stream), *_names("side", node.output_side_packet))
    }
    wanted = [("stream", name) for name in outputs]
    kept: set[int] = set()
    while wanted:
        number = makers.get(wanted.pop())
        if number is None or number in kept:
            continue
        kept.add(number)
        node = config.node[number]
        wanted += [*_names("stream", node.input_stream), *_names("side", node.input_side_packet)]
    result = CalculatorGraphConfig()
    result.CopyFrom(config)
    del result.node[:]
    result.node.extend(config.node[number] for number in sorted(kept))
    del result.output_stream[:]
    result.output_stream.extend(stream for stream in config.output_stream if _name(stream) in outputs)
    return result


def merged(config: CalculatorGraphConfig, outputs: Sequence[str]) -> CalculatorGraphConfig:
    """The graph with one of each set of equal nodes: the same options and the same inputs make the same packets.

    Both hands need the same models, for example, which each loads for itself otherwise: 6 MB of a graph of Holistic.
    A node that makes one of ``outputs`` stays.
    """
    result = CalculatorGraphConfig()
    result.CopyFrom(config)
    while True:
        kept: dict[bytes, Any] = {}
        instead: dict[str, str] = {}
        for node in result.node:
            first = kept.setdefault(_what_it_does(node), node)
            if first is not node and not {_name(stream) for stream in node.output_stream} & {*outputs}:
                made, packets = ([*one.output_stream, *one.output_side_packet] for one in (node, first))
                instead |= zip(map(_name, made), map(_name, packets), strict=True)
        if not instead:
            return result
        _leave_out(result, instead)


def _what_it_does(node: Any) -> bytes:
    """All of a node but its own name and the names of what it makes."""
    nameless = type(node)()
    nameless.CopyFrom(node)
    nameless.ClearField("name")
    for made in (nameless.output_stream, nameless.output_side_packet):
        made[:] = [stream.removesuffix(_name(stream)) for stream in made]
    serialized: bytes = nameless.SerializeToString(deterministic=True)
    return serialized


def _leave_out(config: CalculatorGraphConfig, instead: Mapping[str, str]) -> None:
    """Take out the nodes that make the keys of ``instead``, and give to the others what makes its values."""
    others = [
        node
        for node in config.node
        if not any(_name(made) in instead for made in (*node.output_stream, *node.output_side_packet))
    ]
    for node in others:
        for wanted in (node.input_stream, node.input_side_packet):
            wanted[:] = [
                stream.removesuffix(_name(stream)) + instead.get(_name(stream), _name(stream)) for stream in wanted
            ]
    config.ClearField("node")
    config.node.extend(others)


def _without_mask(config: CalculatorGraphConfig) -> CalculatorGraphConfig:
    """The graph with a model of the pose that makes no mask, if no node is left that reads it."""
    if any(node.calculator == "TensorsToSegmentationCalculator" for node in config.node):
        return config
    for node in config.node:
        for packet in node.options.Extensions[ConstantSidePacketCalculatorOptions.ext].packet:
            if packet.string_value == POSE_MODEL:
                packet.string_value = pose_model_without_mask(Path(mediapipe.__file__).parents[1])
    return config


def _names(kind: str, streams: Sequence[str]) -> list[tuple[str, str]]:
    return [(kind, _name(stream)) for stream in streams]


def _name(stream: str) -> str:
    """A stream is written ``name``, ``TAG:name`` or ``TAG:index:name``."""
    return stream.rsplit(":", 1)[-1]
