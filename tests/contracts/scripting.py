"""Helpers for the tests of the Lua scripts: the two roles on one backend, and the steps of a capture."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

import redis

from contracts.broker import keys
from contracts.broker.script import Call, run_sync
from contracts.rules.landmarks import DIMS, Part, Row
from contracts.rules.limits import CaptureLimits
from contracts.rules.paths import artifact_uri
from contracts.state import captures, sessions
from contracts.state.captures import CaptureState, CaptureWindow
from contracts.state.erasures import ErasureRequest
from contracts.state.events import EventEntry
from contracts.state.frame import ForwardItem, PushReply, TerminalEntry, push_frame

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
SESSION = "sess_0123456789abcdef"
CLOSE = TerminalEntry("close", timestamp_end=START + timedelta(seconds=3))

OPEN_S = 60
ENDED_S = 3600
_BY_THE_TEST_S = 1_000_000

T = TypeVar("T")


def window(
    capture_id: str, *, user_id: str = "user-1", session_id: str = SESSION, record_id: str = ""
) -> CaptureWindow:
    """The window of a capture; a new ``record_id`` unless one is given."""
    return CaptureWindow(
        capture_id=capture_id,
        user_id=user_id,
        session_id=session_id,
        record_id=record_id or str(uuid4()),
        timestamp_start=START,
        fps_target=15,
        width=640,
        height=480,
        max_duration_s=120.0,
    )


def frame(capture_id: str, seq: int, payload: bytes = b"\xff\xd8pixels\xff\xd9") -> ForwardItem:
    """Frame ``seq``, taken at 15 frames per second."""
    moment = START + timedelta(milliseconds=seq * 1000 // 15)
    return ForwardItem(capture_id, seq, moment, payload, "jpeg", 640, 480, "user-1", SESSION)


def erasure_request(capture_id: str, user_id: str = "user-1", session_id: str = SESSION) -> ErasureRequest:
    """A request to erase a capture whose record_id is new."""
    record_id = str(uuid4())
    uri = artifact_uri(user_id, session_id, record_id)
    return ErasureRequest(capture_id, user_id, session_id, record_id, uri, "sha256:" + "0" * 64)


@dataclass(frozen=True)
class Backend:
    """The two roles on one kind of broker: ``fake``, ``valkey`` or ``redis``."""

    kind: str
    frames: redis.Redis
    events: redis.Redis

    def run(self, call: Call[T]) -> T:
        """Run a script on its role's broker."""
        return run_sync(self.frames if call.role == "frames" else self.events, call)


@dataclass
class ScriptedCapture:
    """One capture on a backend, which the test moves through its scripts."""

    backend: Backend
    capture_id: str
    limits: CaptureLimits = field(default_factory=CaptureLimits)
    window: CaptureWindow = field(init=False)

    def __post_init__(self) -> None:
        self.window = window(self.capture_id)

    @property
    def keys(self) -> keys.CaptureKeys:
        return keys.capture_keys(self.capture_id)

    def open(self) -> bool:
        return self.backend.run(captures.open_capture(self.window))

    def push(self, seq: int, payload: bytes = b"\xff\xd8pixels\xff\xd9") -> PushReply:
        return self.backend.run(push_frame(frame(self.capture_id, seq, payload), self.limits))

    def end(self, entry: TerminalEntry = CLOSE, *, idle_ms: int = 0) -> tuple[str, str]:
        return self.backend.run(captures.end_stream(self.capture_id, entry, idle_ms=idle_ms))

    def abort(self, code: str) -> tuple[str, str]:
        return self.end(TerminalEntry("abort", error_code=code))

    def claim(self, dispatch_id: str = "1-0") -> CaptureState | None:
        return self.backend.run(captures.claim(self.capture_id, dispatch_id))

    def claimed(self, dispatch_id: str = "1-0") -> CaptureState:
        state = self.claim(dispatch_id)
        assert state is not None
        return state

    def row(
        self, token: str, seq: int, *, size: int = 10, restart: bool = False, found: dict[Part, bool] | None = None
    ) -> bool:
        step = captures.row(self.capture_id, token, seq, row_of(seq), size, restart=restart, found=found or {})
        return self.backend.run(step)

    def state(self) -> dict[str, str]:
        """The state hash as text."""
        answer: Any = self.backend.frames.hgetall(self.keys.state)
        return {name.decode(): value.decode() for name, value in answer.items()}

    def entries(self) -> list[str]:
        """The IDs in the frame stream, in order."""
        answer: Any = self.backend.frames.xrange(self.keys.frames)
        return [entry_id.decode() for entry_id, _ in answer]

    def rows(self) -> list[int]:
        """The seqs that have a row."""
        answer: Any = self.backend.frames.hkeys(self.keys.rows)
        return sorted(int(seq) for seq in answer)

    def ttls(self) -> tuple[int, int, int]:
        """The TTLs of state, frames and rows, in seconds; -2 for a key that does not exist."""
        state, frames, rows = (int(self.backend.frames.ttl(key)) for key in self.keys)  # type: ignore[arg-type]
        return state, frames, rows

    def forget_ttls(self) -> None:
        """Give every key a TTL that no script sets, which shows whether the next step sets its own."""
        for key in self.keys:
            self.backend.frames.expire(key, _BY_THE_TEST_S)

    def untouched_for(self, idle_ms: int) -> None:
        """Move the gateway's last heartbeat ``idle_ms`` into the past."""
        seconds, microseconds = self.backend.frames.time()  # type: ignore[misc]
        then = seconds * 1000 + microseconds // 1000 - idle_ms
        self.backend.frames.hset(self.keys.state, "touched_ms", str(then))


def lives(capture: ScriptedCapture) -> tuple[str, ...]:
    """The TTLs of state, frames and rows by name: ``open``, ``ended``, …, or ``none`` for a key that does not exist."""
    return tuple(_life(ttl_s) for ttl_s in capture.ttls())


def _life(ttl_s: int) -> str:
    if ttl_s < 0:
        return "none" if ttl_s == -2 else "for ever"
    for upper_s, name in ((OPEN_S, "open"), (ENDED_S, "ended"), (_BY_THE_TEST_S, "set by the test")):
        if ttl_s <= upper_s:  # a minute and an hour are far apart, however slow the machine is
            return name
    return "too long"


def row_of(seq: int) -> Row:
    """A row whose bytes show its seq."""
    return Row(seq, True, bytes([seq % 256]) * (4 * DIMS))


def session_entry(session_id: str, user_id: str, event: bytes = b'{"event":"session.start"}') -> EventEntry:
    """The entry of a session's start or end event."""
    return EventEntry(event, user_id, session_id, str(uuid4()))


def start_session(backend: Backend, session_id: str, user_id: str) -> None:
    """Start a session of this user."""
    step = backend.run(sessions.start_session("request-1", b"{}", session_entry(session_id, user_id)))
    assert step.word == "new"
