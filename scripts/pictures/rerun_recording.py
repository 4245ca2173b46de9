"""Write a capture as a recording for the Rerun viewer: landmarks, hand speed and events over time. No other module
needs ``rerun-sdk``."""

from __future__ import annotations

import numpy as np

from contracts.rules.errors import ConfigurationError
from contracts.rules.landmarks import CONNECTIONS, LAYOUT, PartLayout
from gateway.preview.tile import COLOURS
from gateway.preview.visible import SURE
from recorder.artifact import Artifact
from scripts.pictures.motion import HANDS, Motion, all_known, motion_of

try:
    import rerun as rr
    import rerun.blueprint as rrb
except ModuleNotFoundError:
    raise ConfigurationError("--rerun: the Rerun SDK is not installed; ./scripts/install does it") from None

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
    stream = rr.RecordingStream("a3cp", recording_id=artifact.facts.record_id)
    sink = rr.binary_stream(stream)
    stream.send_blueprint(_LAYOUT)
    motion = motion_of(artifact)
    for frame in range(len(motion.times_s)):
        stream.set_time("frame", sequence=frame + 1)
        stream.set_time("time", duration=float(motion.times_s[frame]))
        for part in LAYOUT:
            _log_part(stream, artifact, part, frame)
        _log_facts(stream, artifact, motion, frame)
    made = sink.read()
    assert made is not None  # only if it had not been flushed in time, and it waits for that
    return made


def _log_part(stream: rr.RecordingStream, artifact: Artifact, part: PartLayout, frame: int) -> None:
    entity = f"landmarks/{part.name}"
    values = artifact.features[frame, part.columns].reshape(part.landmarks, len(part.coordinates))
    shown = all_known(values)
    if part.name == "pose":
        shown &= values[:, 3] >= SURE
    places = values[:, :2] * [artifact.width, artifact.height]
    lines = [places[[start, end]] for start, end in CONNECTIONS[part.name] if shown[start] and shown[end]]
    colour = COLOURS[part.name]
    # a negative radius is in points of the screen
    stream.log(entity, rr.Points2D(places[shown], colors=_rgb(colour), radii=-2.0))
    stream.log(f"{entity}/lines", rr.LineStrips2D(lines, colors=_rgb(colour)))


def _log_facts(stream: rr.RecordingStream, artifact: Artifact, motion: Motion, frame: int) -> None:
    for hand in HANDS:
        speed = float(motion.speed[hand][frame])
        if np.isfinite(speed):
            stream.log(f"speed/{hand}", rr.Scalars(speed))
    if not motion.decoded[frame]:
        stream.log("events", rr.TextLog("the frame's picture is unreadable", level="WARN"))
    if frame + 1 in artifact.facts.tracker_restarts:
        stream.log("events", rr.TextLog("tracking started again", level="INFO"))


def _rgb(colour: str) -> list[int]:
    return list(bytes.fromhex(colour[1:]))
