"""A filter of the pose's visibility for each video that a graph reads. Importing this module loads MediaPipe.

MediaPipe forgets what it tracks in a frame in which it finds no pose, except for this: the filter that smooths how
visible a landmark is runs only in frames with a pose, so the next video would begin with what the last one left there.
In a graph with many such filters the next video has one that nothing has passed yet.
"""

from __future__ import annotations

from typing import Any, Final

from mediapipe.calculators.util.visibility_smoothing_calculator_pb2 import VisibilitySmoothingCalculatorOptions
from mediapipe.framework.calculator_pb2 import CalculatorGraphConfig
from mediapipe.framework.tool.switch_container_pb2 import SwitchContainerOptions

__all__ = ["VIDEOS", "VIDEO_STREAM", "stream_name", "with_filters"]

VIDEOS: Final = 32
"""A graph has filters for so many videos. Each takes 0.1 ms while the graph is made, and nothing later."""

VIDEO_STREAM: Final = "video"
"""The graph's stream of the number of the frame's video, from 0. Each frame needs one."""


def with_filters(config: CalculatorGraphConfig) -> bool:
    """Give the graph `VIDEO_STREAM`, and `VIDEOS` filters in the place of its two, of which one smooths and the other
    one does not. Return False, and leave the graph as it is, if it has no such pair or draws a mask, which it also
    smooths."""
    switched = [node for node in config.node if _smooths(node) and _maker(config, node.input_stream[0])]
    if len(switched) != 1 or any(node.calculator == "TensorsToSegmentationCalculator" for node in config.node):
        return False
    smoothing = switched[0]
    demux: Any = _maker(config, smoothing.input_stream[0])
    mux: Any = next(node for node in config.node if _reads(node, smoothing.output_stream[0]))
    pair = [node for node in config.node if any(_reads(node, stream) for stream in demux.output_stream)]
    for switch, streams in ((demux, demux.output_stream), (mux, mux.input_stream)):
        del switch.input_side_packet[:], streams[:]
        switch.options.Extensions[SwitchContainerOptions.ext].select = 0
        switch.input_stream.append(f"SELECT:{VIDEO_STREAM}")
    for number in range(VIDEOS):
        node = config.node.add()
        node.CopyFrom(smoothing)
        node.name = f"{smoothing.name}__{number}"
        node.input_stream[0], node.output_stream[0] = f"NORM_LANDMARKS:{_raw(number)}", f"{_FILTERED}:{_smooth(number)}"
        demux.output_stream.append(f"C{number}__NORM_LANDMARKS:{_raw(number)}")
        mux.input_stream.append(f"C{number}__{_FILTERED}:{_smooth(number)}")
    for node in pair:
        config.node.remove(node)
    config.input_stream.append(VIDEO_STREAM)
    return True


def stream_name(stream: str) -> str:
    """The name of a stream that is written ``name``, ``TAG:name`` or ``TAG:index:name``."""
    return stream.rsplit(":", 1)[-1]


_FILTERED: Final = "NORM_FILTERED_LANDMARKS"


def _raw(video: int) -> str:
    return f"landmarks_of_video_{video}"


def _smooth(video: int) -> str:
    return f"smooth_landmarks_of_video_{video}"


def _smooths(node: Any) -> bool:
    if node.calculator != "VisibilitySmoothingCalculator":
        return False
    return bool(node.options.Extensions[VisibilitySmoothingCalculatorOptions.ext].HasField("low_pass_filter"))


def _maker(config: CalculatorGraphConfig, stream: str) -> Any:
    """The switch that the stream comes from; None if it comes from another node."""
    for node in config.node:
        if node.calculator == "SwitchDemuxCalculator" and stream_name(stream) in map(stream_name, node.output_stream):
            return node
    return None


def _reads(node: Any, stream: str) -> bool:
    return stream_name(stream) in map(stream_name, node.input_stream)
