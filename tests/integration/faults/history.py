"""The history of requests and answers: the clients write it, and the checker reads it afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

__all__ = ["AppendTold", "CaptureTold", "History", "SessionTold", "Told", "read_history"]

Entry = Mapping[str, Any]


class History:
    """An append-only JSONL file. Every entry has a ``kind`` and ``at_s``, a monotonic clock's."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("ab", buffering=0)

    def add(self, kind: str, **fields: Any) -> None:
        """Write one entry, at once."""
        self._file.write(orjson.dumps({"kind": kind, "at_s": time.monotonic(), **fields}) + b"\n")

    def entries(self) -> list[Entry]:
        """Everything so far, in order."""
        return [orjson.loads(line) for line in self.path.read_bytes().splitlines()]

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@dataclass(frozen=True, slots=True)
class CaptureTold:
    """One capture, as its client knows it.

    Attributes:
        clip: which clip its frames are of.
        sent: frames sent whole.
        opened: whether a first progress message came.
        vanished: the protocol state in which the client went away; empty if it stayed.
        close_code: of the socket; 0 if the connection was lost.
        code: the abort's ``error_code``, else the close reason; empty for a plain success.
        uploaded: whether its frames were a video; its answer is told as a close would be, 202 as 1000.
    """

    capture_id: str
    record_id: str
    user_id: str
    session_id: str
    clip: int
    sent: int = 0
    opened: bool = False
    vanished: str = ""
    close_code: int = 0
    code: str = ""
    uploaded: bool = False

    @property
    def completed(self) -> bool:
        """Whether the client was told that the capture is in."""
        return self.close_code == 1000 and not self.code and not self.vanished

    @property
    def lost(self) -> bool:
        """Whether the connection was lost without a close frame."""
        return self.close_code == 0 and not self.vanished


@dataclass(frozen=True, slots=True)
class AppendTold:
    """One event that was sent for a session's log, perhaps more than once.

    ``answers`` are the HTTP statuses, 0 for a lost connection; ``recorded_at`` what each 201 said.
    """

    event: bytes
    user_id: str
    session_id: str
    sent_s: float
    answers: tuple[int, ...] = ()
    recorded_at: tuple[str, ...] = ()
    recorded_s: float | None = None


@dataclass(frozen=True, slots=True)
class SessionTold:
    """One session. ``started`` and ``ended`` are the answers' statuses, 0 where there was none."""

    user_id: str
    session_id: str
    started: int = 0
    ended: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """What a history says, by id."""

    captures: Mapping[str, CaptureTold] = field(default_factory=dict)
    appends: Mapping[str, AppendTold] = field(default_factory=dict)
    sessions: Mapping[str, SessionTold] = field(default_factory=dict)
    withdrawals: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """The captures whose erasure was asked for, and the statuses of the answers, 0 for a lost connection."""


def read_history(entries: Iterable[Entry]) -> Told:
    """Put a history together. No I/O."""
    captures: dict[str, dict[str, Any]] = {}
    appends: dict[str, dict[str, Any]] = {}
    sessions: dict[str, dict[str, Any]] = {}
    withdrawals: dict[str, tuple[int, ...]] = {}
    for entry in entries:
        fields = {name: value for name, value in entry.items() if name not in ("kind", "at_s")}
        match entry["kind"]:
            case "capture":
                captures.setdefault(fields["capture_id"], {}).update(fields)
            case "append.sent":
                event = fields.pop("event").encode()
                fields["sent_s"] = entry["at_s"]
                appends.setdefault(fields.pop("record_id"), {**fields, "event": event})
            case "append.answered":
                append = appends[fields["record_id"]]
                append["answers"] = (*append.get("answers", ()), fields["status"])
                if fields["status"] == 201:
                    append["recorded_at"] = (*append.get("recorded_at", ()), fields["recorded_at"])
                    append.setdefault("recorded_s", entry["at_s"])
            case "withdrawal":
                answered = (fields["status"],) if "status" in fields else ()
                withdrawals[fields["capture_id"]] = (*withdrawals.get(fields["capture_id"], ()), *answered)
            case "session":
                sessions.setdefault(fields["session_id"], {}).update(fields)
    return Told(
        {name: CaptureTold(**fields) for name, fields in captures.items()},
        {name: AppendTold(**fields) for name, fields in appends.items()},
        {name: SessionTold(**fields) for name, fields in sessions.items()},
        withdrawals,
    )
