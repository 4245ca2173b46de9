"""One frame on its way through the frames role: its stream entry, and the script that pushes it. No I/O.

The last entry of a stream is a `TerminalEntry`: the capture was closed or aborted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from contracts.broker.keys import capture_keys
from contracts.broker.script import Argument, Call
from contracts.broker.shared_connection import Changes, bulk
from contracts.rules.codes import stored_code
from contracts.rules.ids import format_utc, parse_utc
from contracts.rules.limits import CaptureLimits

__all__ = [
    "OPEN_TTL_S",
    "PUSH_CHANGES",
    "ForwardItem",
    "PushReply",
    "TerminalEntry",
    "decode_entry",
    "is_abort",
    "is_taken",
    "push_changes",
    "push_frame",
    "read_push_reply",
]

OPEN_TTL_S = 60
"""How long the keys of an open capture outlive its gateway and its extractor."""


class ForwardItem(NamedTuple):
    """One validated frame on its way to an extractor; self-contained. Its ``repr`` never shows the payload.

    A tuple, because a frozen dataclass of ten fields takes five times as long to make, for every frame.
    """

    capture_id: str
    seq: int
    timestamp_frame: datetime
    payload: bytes
    encoding: str
    width: int
    height: int
    user_id: str
    session_id: str

    @property
    def byte_length(self) -> int:
        """How many bytes ``payload`` has."""
        return len(self.payload)

    def __repr__(self) -> str:
        return f"ForwardItem(capture_id={self.capture_id!r}, seq={self.seq}, byte_length={self.byte_length})"

    def encode(self) -> list[str | bytes]:
        """Field, value, field, value …, as ``XADD`` takes them. Only ``payload`` is binary."""
        return [
            "capture_id", self.capture_id,
            "seq", str(self.seq),
            "timestamp_frame", format_utc(self.timestamp_frame),
            "payload", self.payload,
            "byte_length", str(self.byte_length),
            "encoding", self.encoding,
            "width", str(self.width),
            "height", str(self.height),
            "user_id", self.user_id,
            "session_id", self.session_id,
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class TerminalEntry:
    """The last entry of a frame stream. A ``close`` has a ``timestamp_end``, an ``abort`` an ``error_code``."""

    event: Literal["close", "abort"]
    timestamp_end: datetime | None = None
    error_code: str | None = None

    def encode(self) -> list[str | bytes]:
        """Field, value, field, value …, as ``XADD`` takes them."""
        fields: list[str | bytes] = ["event", self.event]
        if self.timestamp_end is not None:
            fields += ["timestamp_end", format_utc(self.timestamp_end)]
        if self.error_code is not None:
            fields += ["error_code", self.error_code]
        return fields


def decode_entry(fields: Mapping[bytes, bytes]) -> ForwardItem | TerminalEntry:
    """Read one stream entry.

    Raises:
        ValueError: a field is missing or has an invalid value, or ``byte_length`` is not the payload's.
    """
    try:
        if b"event" in fields:
            return _decode_terminal(fields)
        payload, byte_length = fields[b"payload"], int(fields[b"byte_length"])
        if byte_length != len(payload):
            raise ValueError(f"byte_length is {byte_length}, the payload has {len(payload)} bytes")
        return ForwardItem(
            capture_id=fields[b"capture_id"].decode(),
            seq=int(fields[b"seq"]),
            timestamp_frame=parse_utc(fields[b"timestamp_frame"].decode()),
            payload=payload,
            encoding=fields[b"encoding"].decode(),
            width=int(fields[b"width"]),
            height=int(fields[b"height"]),
            user_id=fields[b"user_id"].decode(),
            session_id=fields[b"session_id"].decode(),
        )
    except KeyError as missing:
        raise ValueError(f"the entry has no field {missing.args[0].decode()}") from None


def is_abort(fields: Mapping[bytes, bytes]) -> bool:
    """Whether the entry aborts its capture. Its other fields may be unreadable."""
    return fields.get(b"event") == b"abort"


def _decode_terminal(fields: Mapping[bytes, bytes]) -> TerminalEntry:
    end = fields.get(b"timestamp_end")
    code = fields.get(b"error_code")
    match fields[b"event"]:
        case b"close":
            if end is None:
                raise ValueError("a close entry has no timestamp_end")
            return TerminalEntry("close", timestamp_end=parse_utc(end.decode()))
        case b"abort":
            return TerminalEntry("abort", error_code=code.decode() if code is not None else "protocol_violation")
        case other:
            raise ValueError(f"an entry's event is close or abort, not {other!r}")


@dataclass(frozen=True, slots=True)
class PushReply:
    """The reply to one push.

    ``gone`` is the error code of a capture that is no longer open; ``full`` and ``conflict`` exclude it.
    ``depth`` counts the entries in the stream, ``claimed`` says whether an extractor ever had the capture.
    """

    gone: str = ""
    full: bool = False
    conflict: bool = False
    depth: int = 0
    backlog_bytes: int = 0
    extracted: int = 0
    claimed: bool = False

    @property
    def taken(self) -> bool:
        """Whether the frame is in the stream."""
        return not (self.gone or self.full or self.conflict)


def push_frame(item: ForwardItem, limits: CaptureLimits) -> Call[PushReply]:
    """Put one frame into its stream. Repeating it is safe: the same frame is stored once."""
    keys = capture_keys(item.capture_id)
    arguments: list[Argument] = [
        item.seq, item.byte_length, format_utc(item.timestamp_frame),
        limits.stream_max_frames, limits.stream_max_bytes, OPEN_TTL_S, *item.encode(),
    ]  # fmt: skip
    return Call("frames", "push", [keys.state, keys.frames], arguments, read_push_reply)


PUSH_CHANGES = (0, 1, 2, 9, 11, 13, 15)
"""The places of a push's arguments that change from frame to frame: those of `push_changes`."""


def push_changes(item: ForwardItem, timestamp_frame: str) -> Changes:
    """The arguments of `push_frame` that are not the same for every frame of a capture. ``timestamp_frame`` is the
    item's, as `format_utc` writes it."""
    seq, length, moment = bulk(str(item.seq)), bulk(str(len(item.payload))), bulk(timestamp_frame)
    return (seq, length, moment, seq, moment), item.payload, (length,)


def is_taken(answer: Any) -> bool:
    """Whether the script's answer is a plain success: the frame is in the stream. An error or any other answer is for
    `read_push_reply`, which takes longer."""
    return isinstance(answer, list) and len(answer) == 5 and answer[0] == b"OK"


def read_push_reply(answer: Any) -> PushReply:
    """Read the script's answer. Raises one of `contracts.broker.script.UNREADABLE` if it has another form."""
    if answer[0] == b"GONE":
        return PushReply(gone=stored_code(answer[1]))
    word, depth, backlog_bytes, extracted, claimed = answer
    return PushReply("", word == b"FULL", word == b"CONFLICT", depth, backlog_bytes, extracted, bool(claimed))
