"""Write a capture as a recording for the Rerun viewer: landmarks, hand speed and events over time. No other module
needs ``rerun-sdk``."""

from __future__ import annotations

import numpy as np

from contracts.rules.errors import ConfigurationError
from contracts.rules.landmarks import CONNECTIONS, LAYOUT, PartLayout
from gateway.preview.tile import COLOURS
from gateway.preview.visible import SURE
from recorder.artifact import Artifact
from scripts.pictures.motion import HANDS, Motion, motion_of

try:
    import rerun as rr
    import rerun.blueprint as rrb
except ModuleNotFoundError:
    raise ConfigurationError("--rerun: the Rerun SDK is not installed; pip install '.[rerun]' does it") from None

__all__ = ["rerun_recording"]

_LAYOUT = rrb.Blueprint(
    rrb.Vertical(
        rrb.Spatial2DView(origin="landmarks"),
        rrb.TimeSeriesView(origin="speed"),
        row_shares=[3, 1],
    )
)


def rerun_recording(artifact: Artifact) -> bytes:
    """Make the bytes of an ``.rrd`` file.

    Its timelines are ``frame``, from 1, and ``time`` in seconds. ``landmarks/<part>`` has points and lines in the
    picture's pixels, none if the part was not found; ``speed/<hand>`` has the speeds of the plot; ``events`` names the
    frames that were unreadable and those at which tracking started again.
    """
    stream = rr.new_recording("a3cp", recording_id=artifact.facts.record_id)
    sink = rr.binary_stream(stream)
    rr.send_blueprint(_LAYOUT, recording=stream)
    motion = motion_of(artifact)
    for frame in range(len(motion.times_s)):
        rr.set_time_sequence("frame", frame + 1, recording=stream)
        rr.set_time_seconds("time", float(motion.times_s[frame]), recording=stream)
        for part in LAYOUT:
            _log_part(stream, artifact, part, frame)
        _log_facts(stream, artifact, motion, frame)
    return bytes(sink.read())


def _log_part(stream: rr.RecordingStream, artifact: Artifact, part: PartLayout, frame: int) -> None:
    entity = f"landmarks/{part.name}"
    values = artifact.features[frame, part.columns].reshape(part.landmarks, len(part.coordinates))
    shown = np.isfinite(values).all(axis=1)
    if part.name == "pose":
        shown &= values[:, 3] >= SURE
    places = values[:, :2] * [artifact.width, artifact.height]
    lines = [places[[start, end]] for start, end in CONNECTIONS[part.name] if shown[start] and shown[end]]
    colour = COLOURS[part.name]
    rr.log(
        entity, rr.Points2D(places[shown], colors=_rgb(colour), radii=-2.0), recording=stream
    )  # a negative radius is in points of the screen
    rr.log(f"{entity}/lines", rr.LineStrips2D(lines, colors=_rgb(colour)), recording=stream)


def _log_facts(stream: rr.RecordingStream, artifact: Artifact, motion: Motion, frame: int) -> None:
    for hand in HANDS:
        speed = float(motion.speed[hand][frame])
        if np.isfinite(speed):
            rr.log(f"speed/{hand}", rr.Scalar(speed), recording=stream)
    if not motion.decoded[frame]:
        rr.log("events", rr.TextLog("the frame's picture is unreadable", level="WARN"), recording=stream)
    if frame + 1 in artifact.facts.tracker_restarts:
        rr.log("events", rr.TextLog("tracking started again", level="INFO"), recording=stream)


def _rgb(colour: str) -> list[int]:
    return list(bytes.fromhex(colour[1:]))
