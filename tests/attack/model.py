"""The contract of the capture socket, said again in the simplest way, to hold the state machine against.

It knows no order of checks: for each step it says which codes would be right, and an empty set means that the step
must be taken. It shares no code with `gateway.capture.protocol`.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from PIL import Image

from contracts.rules.codes import CAPTURE_CODES
from contracts.rules.limits import CaptureLimits
from contracts.state.frame import ForwardItem
from gateway.capture.actions import Action, CheckSession, Complete, Finish, Forward, Open

LIMITS = CaptureLimits(
    max_duration_s=4, min_duration_s=1, max_fps=10, max_long_side=64, max_short_side=48, max_frames=12,
    max_frame_bytes=2500, max_total_bytes=12_000, max_wait_s=3, meta_timeout_s=1, idle_timeout_s=2,
    open_timeout_s=5, recheck_s=1,
)  # fmt: skip
"""Small limits, so that few steps reach each of them."""

GRACE_S = 5

# The contract's table of close codes; every other code closes with 1000 once a capture was opened, else with 1008.
CLOSES = {
    "invalid_json": 1003, "schema_error": 1008, "duplicate_capture": 1008, "internal_error": 1011,
    "server_shutdown": 1012, "too_many_captures": 1013, "frames_broker_full": 1013, "brokers_unready": 1013,
}  # fmt: skip
SILENT = CLOSES.keys() - {"server_shutdown"} | {"client_disconnected"}


@dataclass
class Model:
    """The state of one connection."""

    state: str = "idle"
    start: datetime | None = None
    fps: int = 0
    size: tuple[int, int] = (0, 0)
    record_ids: set[str] = field(default_factory=set)
    frames: int = 0
    total_bytes: int = 0
    last: datetime | None = None
    announced: tuple[datetime, int] | None = None  # a frame_meta whose bytes are due

    def on_text(self, record_id: str) -> set[str]:
        """The codes for a well-formed control message that is wrong in this state."""
        if self.announced is not None or record_id in self.record_ids:
            return {"protocol_violation"}
        return set()

    def on_open(self, fps: int, width: int, height: int) -> set[str]:
        codes = set() if self.state == "idle" else {"protocol_violation"}
        if fps > LIMITS.max_fps:
            codes.add("limit_fps_exceeded")
        if not fits(width, height):
            codes.add("limit_resolution_exceeded")
        return codes

    def on_meta(self, seq: int, moment: datetime, byte_length: int, ids_changed: bool) -> set[str]:
        if self.state != "active":
            return {"protocol_violation"}
        assert self.start is not None
        codes = set()
        if seq != self.frames + 1 or ids_changed or moment < (self.last or self.start):
            codes.add("protocol_violation")
        if byte_length > LIMITS.max_frame_bytes:
            codes.add("limit_frame_bytes_exceeded")
        if seq > LIMITS.max_frames:
            codes.add("limit_frame_count_exceeded")
        if seq > frames_by(self.fps, moment - self.start):
            codes.add("limit_fps_exceeded")
        if self.total_bytes + byte_length > LIMITS.max_total_bytes:
            codes.add("limit_total_bytes_exceeded")
        return codes

    def on_bytes(self, payload: bytes) -> set[str]:
        if self.announced is None or len(payload) != self.announced[1]:
            return {"protocol_violation"}
        size = jpeg_size(payload)
        if size is None:
            return {"invalid_frame"}
        codes = set() if size == self.size else {"invalid_frame"}
        if not fits(*size):
            codes.add("limit_resolution_exceeded")
        return codes

    def on_close(self, end: datetime, ids_changed: bool) -> set[str]:
        if self.state != "active" or self.last is None:
            return {"protocol_violation"}
        assert self.start is not None
        duration_s = (end - self.start) / timedelta(seconds=1)
        codes = {"protocol_violation"} if ids_changed or end < self.last else set()
        if duration_s > LIMITS.max_duration_s:
            codes.add("limit_duration_exceeded")
        if duration_s < LIMITS.min_duration_s:
            codes.add("limit_duration_too_short")
        return codes


def fits(width: int, height: int) -> bool:
    long, short = max(width, height), min(width, height)
    return long <= LIMITS.max_long_side and short <= LIMITS.max_short_side


def frames_by(fps: int, elapsed: timedelta) -> int:
    """``fps`` × event time, and one second's worth; exact, in microseconds."""
    microseconds = elapsed // timedelta(microseconds=1)
    return (fps * microseconds + 1) // 1_000_000 + fps


def jpeg_size(payload: bytes) -> tuple[int, int] | None:
    """The size in the header, by another decoder; None if header, start or end are not a JPEG's."""
    end = payload.rstrip(b"\0\r\n")
    if payload[:2] != b"\xff\xd8" or end[-2:] != b"\xff\xd9" or len(payload) - len(end) > 4096:
        return None
    try:
        with Image.open(io.BytesIO(payload), formats=["JPEG"]) as image:
            return image.size
    except Exception:
        return None


class Watched:
    """Checks every action of one connection against the invariants."""

    def __init__(self, limits: CaptureLimits = LIMITS) -> None:
        self.limits = limits
        self.forwarded: list[ForwardItem] = []
        self.opened: Open | None = None
        self.ending: Complete | Finish | None = None

    def take(self, actions: tuple[Action, ...]) -> Complete | Finish | None:
        """Check the actions against the invariants; returns the ending if it is among them."""
        before = self.ending
        for action in actions:
            assert self.ending is None, f"{action} after the end"
            match action:
                case Forward(item):
                    self._forward(item)
                case Open():
                    assert self.opened is None, "opened twice"
                    self.opened = action
                case Complete() | Finish():
                    self.ending = action
                    self._end(action)
                case CheckSession():
                    assert self.opened is not None
        return self.ending if before is None else None

    def _forward(self, item: ForwardItem) -> None:
        assert self.opened is not None, "a frame before capture.open"
        opened, limits = self.opened.message, self.limits
        previous = self.forwarded[-1].timestamp_frame if self.forwarded else opened.timestamp_start
        self.forwarded.append(item)
        assert item.seq == len(self.forwarded) <= limits.max_frames
        assert item.byte_length == len(item.payload) <= limits.max_frame_bytes
        assert sum(each.byte_length for each in self.forwarded) <= limits.max_total_bytes
        assert item.timestamp_frame >= previous
        assert item.seq <= frames_by(opened.fps_target, item.timestamp_frame - opened.timestamp_start)
        assert opened.fps_target <= limits.max_fps
        assert (item.width, item.height) == (opened.width, opened.height)
        assert max(item.width, item.height) <= limits.max_long_side
        assert min(item.width, item.height) <= limits.max_short_side
        assert item.payload[:2] == b"\xff\xd8" and item.payload[-2:] == b"\xff\xd9"
        assert (item.capture_id, item.user_id, item.session_id) == (
            opened.capture_id, opened.user_id, opened.session_id
        )  # fmt: skip

    def _end(self, ending: Complete | Finish) -> None:
        if isinstance(ending, Complete):
            assert self.forwarded, "completed without a frame"
            assert ending.timestamp_end >= self.forwarded[-1].timestamp_frame
            return
        assert ending.code in CAPTURE_CODES
        assert ending.close_code == CLOSES.get(ending.code, 1000 if ending.opened else 1008)
        assert ending.opened == (self.opened is not None)
        assert ending.sends_abort == (ending.opened and ending.code not in SILENT)
