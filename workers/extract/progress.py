"""The rows of one capture so far, and the rules that decide how its job goes on. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast, get_args

from contracts.rules.codes import AbortCode
from contracts.rules.errors import StreamBroken
from contracts.rules.landmarks import PART_NAMES, Part, Row
from contracts.state.captures import CaptureState
from contracts.state.records import CaptureCounts
from workers.vision.matrix import FeatureMatrix

__all__ = [
    "Progress",
    "abort_code",
    "event_time_ms",
    "worth_finishing",
]


@dataclass(slots=True)
class Progress:
    """The rows of frames 1 … n, and their counts.

    ``resumed`` is true after a takeover of a capture that has rows, until the next row: there tracking begins again.
    """

    rows: list[Row] = field(default_factory=list)
    tracker_restarts: list[int] = field(default_factory=list)
    found: dict[Part, int] = field(default_factory=lambda: dict.fromkeys(PART_NAMES, 0))
    resumed: bool = False

    @classmethod
    def resume(cls, state: CaptureState, rows: Mapping[bytes, bytes]) -> Progress:
        """Go on where the stored rows end.

        Raises:
            StreamBroken: a row is missing or cannot be read.
        """
        try:
            unpacked = [Row.unpack(rows[b"%d" % seq]) for seq in range(1, len(rows) + 1)]
        except (KeyError, ValueError) as error:
            raise StreamBroken(f"the stored rows are not those of frames 1 to {len(rows)}") from error
        return cls(unpacked, list(state.tracker_restarts), dict(state.found), resumed=bool(unpacked))

    @property
    def last_seq(self) -> int:
        """The last frame that has a row."""
        return len(self.rows)

    def add(self, row: Row, found: Mapping[Part, bool]) -> None:
        """Append the row of the next frame."""
        self.rows.append(row)
        if self.resumed:
            self.tracker_restarts.append(self.last_seq)
            self.resumed = False
        for part, is_found in found.items():
            self.found[part] += is_found

    def matrix(self) -> FeatureMatrix:
        """The feature matrix of the rows so far."""
        return FeatureMatrix.of(self.rows, self.tracker_restarts)

    def counts(self, accepted: int) -> CaptureCounts:
        """The counts for the durable record."""
        return CaptureCounts(accepted, self.last_seq, dict(self.found))


def event_time_ms(start: datetime, moment: datetime) -> int:
    """Whole milliseconds of event time since ``start``."""
    elapsed = moment - start
    return (elapsed.days * 86_400 + elapsed.seconds) * 1000 + elapsed.microseconds // 1000


def abort_code(text: str | None) -> AbortCode:
    """The code of an abort entry; an unknown code becomes ``protocol_violation``."""
    return cast(AbortCode, text) if text in get_args(AbortCode) else "protocol_violation"


def worth_finishing(closed: bool, frames_left: int, frame_s: float, seconds_left: float) -> bool:
    """Whether a process that was told to stop should finish its capture: no more frames come, and those that are left
    take less time than it has. Otherwise it hands the capture back."""
    return closed and frames_left * frame_s < seconds_left
