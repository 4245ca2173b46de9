"""The capture protocol: the rules for a client's messages, and the actions that follow. No I/O, no clock, no broker.

The endpoint passes in messages, ticks and the results of actions, each with the time ``now`` (seconds of a monotonic
clock). The protocol returns frozen actions, which the endpoint performs in order:

    IDLE ──capture.open──> OPENING ──opened──> ACTIVE ──capture.close──> ENDED (Complete)
      └───────any error, limit or time-out───────┴──────────────────────> ENDED (Finish)

Every rule of the capture socket is in this module or in `gateway.capture.jpeg`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import Enum
from typing import Any, NoReturn, assert_never

import orjson
from pydantic import ValidationError

from contracts.messages.base import what_is_wrong
from contracts.messages.capture import CaptureClose, CaptureOpen, FrameMeta, parse_capture_message
from contracts.rules.codes import CaptureCode
from contracts.rules.errors import CaptureError
from contracts.rules.json_text import load_json
from contracts.rules.limits import INGEST_GRACE_S, CaptureLimits
from contracts.state.frame import ForwardItem
from gateway.capture.actions import Action, CheckSession, Complete, Finish, Forward, Open, finish_of
from gateway.capture.clock import HeldClock
from gateway.capture.frame_meta import Announced, FrameMetas
from gateway.capture.jpeg import check_jpeg

__all__ = ["CaptureProtocol", "State"]

MAX_TEXT_CHARACTERS = 65_536
"""The longest control message. A longer one is a schema error, even if its JSON is valid."""


class State(Enum):
    """The state of a connection's one capture."""

    IDLE = "idle"
    OPENING = "opening"
    ACTIVE = "active"
    ENDED = "ended"


class CaptureProtocol:
    """The state machine of one connection. After a `Complete` or a `Finish` it returns no more actions. Other people
    than ``people`` have no session for it; None stands for all."""

    def __init__(self, limits: CaptureLimits, now: float, people: frozenset[str] | None = None) -> None:
        self.limits = limits
        self.state = State.IDLE
        self.message: CaptureOpen | None = None
        self.frames = 0
        self.failed_with: CaptureCode | None = None
        self._people = people
        self._connected_at = now
        self._bytes = 0
        self._pending: Announced | None = None
        self._pending_at = 0.0
        self._header = b""
        self._last_frame: datetime | None = None
        self._record_ids: set[str] = set()
        self._metas = FrameMetas()
        self._clock = HeldClock(limits.max_wait_s)
        self._opened_at = 0.0
        self._last_meta_at = 0.0
        self._checked_at = 0.0

    # --- events from the client ---------------------------------------------------------------------

    def receive(self, message: str | bytes, now: float) -> tuple[Action, ...]:
        """Handle a text or a binary message."""
        if self.state is State.ENDED:
            return ()
        try:
            return self._on_text(message, now) if isinstance(message, str) else self._on_bytes(message)
        except CaptureError as error:
            return self.fail(error.code, error.detail)

    def disconnected(self) -> tuple[Action, ...]:
        """Handle the loss of the connection."""
        return self.fail("client_disconnected")

    # --- events from the endpoint -------------------------------------------------------------------

    def opened(self, now: float) -> tuple[Action, ...]:
        """Start the capture, which the endpoint has reserved, opened and dispatched. It is held back until an extractor
        takes it."""
        if self.state is State.OPENING:
            self.state = State.ACTIVE
            self._clock.hold(True, now)
            self._opened_at = self._last_meta_at = self._clock.time(now)
            self._checked_at = now
        return ()

    def held(self, held: bool, now: float) -> tuple[Action, ...]:
        """Note whether the capture is held back: no extractor has it, or its stream is over half full."""
        self._clock.hold(held, now)
        return ()

    def session_checked(self, status: str) -> tuple[Action, ...]:
        """Handle the result of a session check: ``active``, ``session_invalid``, ``session_closed`` or
        ``consent_withdrawn``."""
        match status:
            case "active":
                return ()
            case "session_closed" | "consent_withdrawn":
                return self.fail(status)
            case _:
                return self.fail("session_invalid")

    def fail(self, code: CaptureCode, why: str = "") -> tuple[Action, ...]:
        """End the connection with ``code``. The state decides whether the client gets a ``capture.abort``."""
        if self.state is State.ENDED:
            return ()
        opened = self.state is not State.IDLE
        self.state = State.ENDED
        self.failed_with = code
        self._pending = None
        return (replace(finish_of(code, opened=opened), why=why),)

    def incomplete(self, code: CaptureCode) -> Finish:
        """The `Finish` to perform if the endpoint could not perform the `Complete`."""
        return finish_of(code, opened=True)

    def tick(self, now: float) -> tuple[Action, ...]:
        """Check all timeouts. The endpoint calls this regularly, also while the client sends nothing."""
        try:
            return self._on_tick(now)
        except CaptureError as error:
            return self.fail(error.code, error.detail)

    # --- the rules ----------------------------------------------------------------------------------

    def _on_text(self, text: str, now: float) -> tuple[Action, ...]:
        if self._pending is not None:
            _violation("a text message came instead of the frame's bytes")
        message = self._metas.read(text) or _parse(text)
        record_id = message.record_id.lower()
        if record_id in self._record_ids:
            _violation("this record_id was used before on this connection")
        self._record_ids.add(record_id)
        match message:
            case Announced():
                assert self.message is not None
                return self._on_meta(self.message, message, now)
            case CaptureOpen():
                return self._on_open(message)
            case FrameMeta():
                actions = self._on_meta(self._active(message), Announced.by(message), now)
                self._metas.learn(text)
                return actions
            case CaptureClose():
                return self._on_close(message)
            case _:
                assert_never(message)

    def _on_open(self, message: CaptureOpen) -> tuple[Action, ...]:
        if self.state is not State.IDLE:
            _violation("a second capture.open")
        if message.fps_target > self.limits.max_fps:
            raise CaptureError("limit_fps_exceeded", f"at most {self.limits.max_fps} frames per second")
        if not self.limits.fits(message.width, message.height):
            raise CaptureError("limit_resolution_exceeded", f"{message.width} × {message.height}")
        self.state = State.OPENING
        self.message = message
        if self._people is not None and message.user_id not in self._people:
            raise CaptureError("session_invalid", "the token is not valid for this user")
        return (Open(message),)

    def _active(self, message: FrameMeta | CaptureClose) -> CaptureOpen:
        """Require an active capture with the message's identifiers. Returns its open message."""
        if self.message is None or self.state is not State.ACTIVE:
            _violation(f"{message.event} before capture.open")
        mine, its = self.message, message
        if (mine.capture_id, mine.user_id, mine.session_id) != (its.capture_id, its.user_id, its.session_id):
            _violation("the identifiers changed")
        return mine

    def _on_meta(self, opened: CaptureOpen, meta: Announced, now: float) -> tuple[Action, ...]:
        limits = self.limits
        if meta.seq != self.frames + 1:
            _violation(f"seq {meta.seq} came instead of {self.frames + 1}")
        if meta.timestamp_frame < (self._last_frame or opened.timestamp_start):
            _violation("timestamp_frame is before the last one")
        if meta.byte_length > limits.max_frame_bytes:
            raise CaptureError("limit_frame_bytes_exceeded", f"at most {limits.max_frame_bytes} bytes")
        if meta.seq > limits.max_frames:
            raise CaptureError("limit_frame_count_exceeded", f"at most {limits.max_frames} frames")
        if meta.seq > limits.frames_allowed(opened.fps_target, meta.timestamp_frame - opened.timestamp_start):
            raise CaptureError("limit_fps_exceeded", "more frames than fps_target allows by this time")
        if self._bytes + meta.byte_length > limits.max_total_bytes:
            raise CaptureError("limit_total_bytes_exceeded", f"at most {limits.max_total_bytes} bytes")
        self._pending, self._pending_at = meta, now
        self._last_meta_at = self._clock.time(now)
        return ()

    def _on_bytes(self, payload: bytes) -> tuple[Action, ...]:
        opened, meta = self.message, self._pending
        if opened is None or meta is None:
            _violation("bytes without a capture.frame_meta")
        if len(payload) != meta.byte_length:
            _violation(f"{len(payload)} bytes came instead of the announced {meta.byte_length}")
        self._header = check_jpeg(payload, opened.width, opened.height, self.limits, self._header)
        self._pending = None
        self._last_frame = meta.timestamp_frame
        self._bytes += meta.byte_length
        self.frames = meta.seq
        item = ForwardItem(  # by position: names take twice as long
            opened.capture_id, meta.seq, meta.timestamp_frame, payload, opened.encoding, opened.width, opened.height,
            opened.user_id, opened.session_id,
        )  # fmt: skip
        return (Forward(item, meta.moment),)

    def _on_close(self, close: CaptureClose) -> tuple[Action, ...]:
        opened = self._active(close)
        if self._last_frame is None:
            _violation("capture.close before the first frame")
        if close.timestamp_end < self._last_frame:
            _violation("timestamp_end is before the last frame")
        duration_s = (close.timestamp_end - opened.timestamp_start).total_seconds()
        if duration_s > self.limits.max_duration_s:
            raise CaptureError("limit_duration_exceeded", f"at most {self.limits.max_duration_s:g} s")
        if duration_s < self.limits.min_duration_s:
            raise CaptureError("limit_duration_too_short", f"at least {self.limits.min_duration_s:g} s")
        self.state = State.ENDED
        return (Complete(close.timestamp_end),)

    def _on_tick(self, now: float) -> tuple[Action, ...]:
        limits = self.limits
        if self.state is State.IDLE and now - self._connected_at >= limits.open_timeout_s:
            raise CaptureError("open_timeout", f"no capture.open within {limits.open_timeout_s:g} s")
        if self.state is not State.ACTIVE:
            return ()
        if self._pending is not None and now - self._pending_at >= limits.meta_timeout_s:
            _violation("the frame's bytes did not come in time")
        clock = self._clock.time(now)
        if self._pending is None and clock - self._last_meta_at >= limits.idle_timeout_s:
            self._waited_too_long(CaptureError("protocol_violation", "no frame came"), now)
        if clock - self._opened_at >= limits.max_duration_s + INGEST_GRACE_S:
            self._waited_too_long(CaptureError("limit_duration_exceeded", "the capture takes too long"), now)
        if now - self._checked_at >= limits.recheck_s:
            self._checked_at = now
            return (CheckSession(),)
        return ()

    def _waited_too_long(self, error: CaptureError, now: float) -> NoReturn:
        """Raise ``error``; but if the server held the capture back for too long, blame the server, not the client."""
        if self._clock.exhausted(now):
            raise CaptureError("limit_forward_buffer_exceeded", "the capture was held back for too long")
        raise error


def _parse(text: str) -> CaptureOpen | FrameMeta | CaptureClose:
    if len(text) > MAX_TEXT_CHARACTERS:
        raise CaptureError("schema_error", "the control message is too long")
    try:
        return parse_capture_message(_document(text))
    except ValidationError as error:
        raise CaptureError("schema_error", what_is_wrong(error)) from None


def _document(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            return load_json(text)  # orjson refuses some valid JSON, which is a schema error at most, not invalid_json
        except ValueError:
            raise CaptureError("invalid_json", "the text is not JSON") from None


def _violation(why: str) -> NoReturn:
    raise CaptureError("protocol_violation", why)
