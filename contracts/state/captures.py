"""A capture in the frames role: one `Call` for each step.

The state hash decides a capture's status; ``contracts/state/lua/frames`` has the rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from contracts.broker.keys import CAPTURES, EXTRACTOR_GROUP, capture_keys
from contracts.broker.script import Argument, Call
from contracts.messages.capture import Found
from contracts.rules import formats
from contracts.rules.codes import stored_code
from contracts.rules.ids import read_count
from contracts.rules.landmarks import PART_NAMES, Part, Row
from contracts.rules.limits import CaptureLimits
from contracts.state.frame import OPEN_TTL_S, TerminalEntry
from contracts.state.window import CaptureWindow, read_window, window_texts

__all__ = [
    "ENDED_TTL_S",
    "TOMBSTONE_TTL_S",
    "CaptureState",
    "CaptureWindow",
    "EndStatus",
    "Watch",
    "acknowledge",
    "claim",
    "end_stream",
    "finish_capture",
    "heartbeat",
    "measure",
    "open_capture",
    "hand_back",
    "row",
    "watch",
]

ENDED_TTL_S = 3600
"""How long the frames of a closed capture, or an uploaded video, wait for an extractor."""

TOMBSTONE_TTL_S = 60
"""How long a finished capture's state stays for a late push to read."""


def open_capture(window: CaptureWindow) -> Call[bool]:
    """Create the state; false if this capture_id has another one. Dispatch comes after.

    The state of a capture from a video is closed at once, because all of its frames are in the broker. Until the
    gateway dispatches it and calls `contracts.state.uploads.wait`, it expires as soon as an open one does.
    """
    keys = capture_keys(window.capture_id)
    opened, whole = window_texts(window)
    arguments: list[Argument] = [opened, OPEN_TTL_S, "closed" if window.video else "open"]
    if whole:
        arguments += ["window", whole]
    return Call("frames", "open", [keys.state], arguments, lambda answer: bool(answer == b"OK"))


@dataclass(frozen=True, slots=True)
class Watch:
    """How far a capture is. ``backlog_frames`` are in the stream, the terminal entry not counted."""

    status: str
    error_code: str
    accepted: int
    extracted: int
    backlog_frames: int
    backlog_bytes: int
    claimed: bool
    found: Found

    @classmethod
    def at_open(cls) -> Watch:
        """The progress of a capture that was just opened."""
        return cls("open", "", 0, 0, 0, 0, False, Found())

    def over_half(self, limits: CaptureLimits) -> bool:
        """Whether the stream is more than half full."""
        return 2 * self.backlog_frames > limits.stream_max_frames or 2 * self.backlog_bytes > limits.stream_max_bytes


def watch(capture_id: str) -> Call[Watch | None]:
    """Renew the gateway's claim that it is alive, and read how far the capture is; None if its state is gone."""

    def read(answer: Any) -> Watch | None:
        if not answer:
            return None
        status, error_code, accepted, extracted, depth, backlog_bytes, claimed, *found = answer
        depth -= status != b"open" and depth > 0
        counts = Found(**dict(zip(PART_NAMES, found, strict=True)))
        return Watch(
            status.decode(), stored_code(error_code), accepted, extracted, depth, backlog_bytes, bool(claimed), counts
        )

    return Call("frames", "watch", list(capture_keys(capture_id)), [OPEN_TTL_S], read)


EndStatus = Literal["closed", "aborted", "failed", "finished", "busy", "gone"]


def end_stream(capture_id: str, entry: TerminalEntry, *, idle_ms: int = 0) -> Call[tuple[EndStatus, str]]:
    """Write the terminal entry; returns the capture's status, and its error code.

    A later call changes nothing and returns the status that the first one set. If ``idle_ms`` > 0, the capture
    ends only if its gateway has not touched it for so long; otherwise the answer is ``busy``.
    """
    keys = capture_keys(capture_id)
    status = "closed" if entry.event == "close" else "aborted"
    arguments: list[Argument] = [status, entry.error_code or "", ENDED_TTL_S, idle_ms, *entry.encode()]
    return Call(
        "frames", "end_stream", list(keys), arguments,
        lambda answer: (cast(EndStatus, answer[0].decode().lower()), stored_code(answer[1])),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class CaptureState:
    """The state of a claimed capture, with which an extractor begins or continues.

    ``token`` proves ownership to every later step; ``deliveries`` counts this claim too.
    """

    token: str
    generation: int
    deliveries: int
    status: str
    error_code: str
    accepted: int
    extracted: int
    tracker_restarts: tuple[int, ...]
    found: Mapping[Part, int]
    window: CaptureWindow

    @classmethod
    def decode(cls, fields: Mapping[bytes, bytes]) -> CaptureState:
        """Read the state hash. Raises ``ValueError`` or ``KeyError`` if it is not the state of a capture, and
        ``OtherFormat`` if this release does not read it."""
        formats.check_format("capture", fields.get(formats.FIELD.encode()))
        restarts = fields.get(b"tracker_restarts", b"").decode()
        status = fields[b"status"].decode()
        generation, deliveries = read_count(fields[b"generation"]), read_count(fields[b"deliveries"])
        if status not in ("open", "closed", "aborted") or generation < 1 or deliveries < 1:
            raise ValueError("not the state of a capture that can be claimed")
        return cls(
            token=fields[b"token"].decode(),
            generation=generation,
            deliveries=deliveries,
            status=status,
            error_code=stored_code(fields.get(b"error_code", b"")),
            accepted=read_count(fields[b"accepted"]),
            extracted=read_count(fields[b"extracted"]),
            tracker_restarts=tuple(read_count(seq) for seq in restarts.split(",") if seq),
            found={part: read_count(fields.get(b"found_" + part.encode())) for part in PART_NAMES},
            window=read_window(fields[b"open"], fields.get(b"window")),
        )


def claim(capture_id: str, dispatch_id: str) -> Call[CaptureState | None]:
    """Take a capture over for the holder of its dispatch entry; None if there is nothing left to do. If the state has a
    format that this release does not read, nothing is changed, and ``OtherFormat`` is raised."""

    def read(answer: Any) -> CaptureState | None:
        fields = dict(zip(answer[::2], answer[1::2], strict=True))
        state = CaptureState.decode(fields) if fields else None
        if state is not None and state.window.capture_id != capture_id:
            raise ValueError("the state is another capture's")
        return state

    return Call("frames", "claim", list(capture_keys(capture_id)), [dispatch_id, OPEN_TTL_S, ENDED_TTL_S], read)


def _mine(answer: Any) -> bool:
    return bool(answer == 1)


def row(
    capture_id: str,
    token: str,
    seq: int,
    extracted: Row,
    byte_length: int,
    *,
    restart: bool,
    found: Mapping[Part, bool],
) -> Call[bool]:
    """Delete a frame and store its row; false if the capture is no longer the caller's."""
    arguments: list[Argument] = [token, seq, extracted.pack(), byte_length, int(restart), OPEN_TTL_S, ENDED_TTL_S]
    arguments += [int(found.get(part, False)) for part in PART_NAMES]
    return Call("frames", "row", list(capture_keys(capture_id)), arguments, _mine)


def measure(capture_id: str, token: str, *, expected: int, accepted: int) -> Call[bool]:
    """Note how many frames a video is expected to give, and has given once it was read to its end (0 before); false
    if the capture is no longer the caller's."""
    return Call("frames", "measure", [capture_keys(capture_id).state], [token, expected, accepted], _mine)


def heartbeat(capture_id: str, token: str) -> Call[bool]:
    """Keep the keys alive; false if the capture is no longer the caller's. Then renew the lease."""
    return Call("frames", "heartbeat", list(capture_keys(capture_id)), [token, OPEN_TTL_S, ENDED_TTL_S], _mine)


def hand_back(capture_id: str, token: str) -> Call[bool]:
    """Hand a capture back without counting the delivery; false if it is no longer the caller's."""
    return Call("frames", "hand_back", [capture_keys(capture_id).state], [token], _mine)


def finish_capture(capture_id: str, token: str) -> Call[bool]:
    """Delete the frames and rows of a capture that has its outcome; false if it is no longer the caller's."""
    return Call("frames", "finish_capture", list(capture_keys(capture_id)), [token, TOMBSTONE_TTL_S], _mine)


def acknowledge(dispatch_id: str, queue: str = CAPTURES) -> Call[None]:
    """Remove the dispatch entry of a capture that has its outcome."""
    return Call("frames", "acknowledge", [queue], [EXTRACTOR_GROUP, dispatch_id], lambda _: None)
