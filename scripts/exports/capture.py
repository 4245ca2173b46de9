"""One capture for the export: its verified arrays, and the statements of the session's log about it. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.messages.event import FeatureRefEvent
from contracts.rules.ids import format_utc
from contracts.rules.landmarks import LAYOUT, Part
from recorder.artifact import Artifact

__all__ = ["VerifiedCapture", "frame_rate"]

_TOLERANCE = 0.02
"""The largest difference of two frame rates that count as equal, as a share."""


@dataclass(frozen=True, slots=True)
class VerifiedCapture:
    """A capture whose artifact was verified against its event.

    Attributes:
        participant: who the capture shows: the user, unless it was reassigned.
        intent: what the gesture means: the capture's label, else its session's; None if neither has one.
        consent_given, is_demo: the log's statements about the capture or its session; None if it has none.
        recorded_at: the time of its line in the log, UTC with milliseconds and ``Z``.
        split: ``train``, ``validation`` or ``test``; None if the export is not split.
    """

    event: FeatureRefEvent
    artifact: Artifact
    participant: str
    intent: str | None = None
    consent_given: bool | None = None
    is_demo: bool | None = None
    recorded_at: str = ""
    split: str | None = None

    @property
    def record_id(self) -> str:
        """The id that names the artifact, and the capture's files in the export."""
        return self.event.record_id

    @property
    def fps(self) -> float:
        """The capture's frames a second; see `frame_rate`."""
        return frame_rate(self.artifact.timestamps_ms, self.artifact.fps_target)

    def part(self, name: Part) -> npt.NDArray[np.float32]:
        """One part's landmarks: float32 (T, landmarks, coordinates). The pose has a fourth coordinate, the
        visibility."""
        part = next(part for part in LAYOUT if part.name == name)
        columns = self.artifact.features[:, part.columns]
        return columns.reshape(len(columns), part.landmarks, len(part.coordinates))

    def facts(self) -> dict[str, Any]:
        """The capture's row in ``captures.csv``: the same columns in every format, each one value or None. Only an
        export that is split has the last one, ``split``."""
        event, artifact = self.event, self.artifact
        found = {f"found_{name}": share for name, share in artifact.facts.found_share.items()}
        return {
            "record_id": self.record_id,
            "capture_id": event.capture_id,
            "session_id": event.session_id,
            "user_id": event.user_id,
            "intent": self.intent,
            "frames": len(artifact.features),
            "fps": self.fps,
            "fps_target": artifact.fps_target,
            "duration_ms": artifact.facts.duration_ms,
            "width": artifact.width,
            "height": artifact.height,
            "timestamp_start": format_utc(event.timestamp_start),
            "timestamp_end": format_utc(event.timestamp_end),
            "device_id": event.device_id,
            "consent_given": self.consent_given,
            "is_demo": self.is_demo,
            "undecoded_frames": artifact.facts.undecoded_frames,
            **found,
            "hash": artifact.facts.hash,
            "encoding": artifact.facts.encoding,
            "participant": self.participant,
            "study": event.annotation.study if event.annotation else None,
            "prompt": event.annotation.prompt if event.annotation else None,
            "resend_of": event.annotation.resend_of if event.annotation else None,
            **({"split": self.split} if self.split else {}),
        }

    def frame_facts(self) -> dict[str, npt.NDArray[Any]]:
        """The facts about single frames: ``timestamps_ms`` (T,), ``decoded`` (T,), and ``tracker_restarts``, the
        numbers of the frames at which MediaPipe restarted its tracker; the first frame is 1."""
        return {
            "timestamps_ms": self.artifact.timestamps_ms,
            "decoded": self.artifact.decoded,
            "tracker_restarts": np.array(self.artifact.facts.tracker_restarts, dtype=np.int32),
        }


def frame_rate(timestamps_ms: npt.NDArray[np.int64], fps_target: int) -> float:
    """Frames a second: ``fps_target`` if the mean of the frames' times is within 2 % of it, else that mean, rounded to
    three decimals.

    A camera in the dark delivers fewer frames than its setting. Formats with one rate for all frames would play them
    too fast at ``fps_target``, and a gesture's length in frames would be wrong.
    """
    span_ms = int(timestamps_ms[-1] - timestamps_ms[0])
    if span_ms <= 0:
        return float(fps_target)
    mean = 1000 * (len(timestamps_ms) - 1) / span_ms
    return float(fps_target) if abs(mean - fps_target) <= _TOLERANCE * fps_target else round(mean, 3)
