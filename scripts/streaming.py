"""One clip through the capture WebSocket, as fast as the extractors go, and what became of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import websockets
from websockets.asyncio.client import ClientConnection

from contracts.base import BaseMessage
from contracts.capture import Annotation, CaptureClose, CaptureOpen, CaptureProgress, FrameMeta
from contracts.ids import SCHEMA_VERSION
from scripts.clip import Clip
from scripts.gateway_client import Gateway, GatewayError
from scripts.pace import Pace, StreamState

__all__ = ["CaptureResult", "OnProgress", "stream_capture"]

CLOSE_WITHIN_S = 90.0
"""The gateway may wait for room, a minute at most, before it closes."""

POLL_S = 0.05
STANDSTILL_S = 120.0
"""A closed capture that gets no further for so long is left to itself."""


OnProgress = Callable[[StreamState], None]


@dataclass(frozen=True, slots=True)
class CaptureResult:
    """What became of a capture, from ``GET /captures/{capture_id}``.

    ``status`` is ``recorded`` or ``aborted``; ``stream_s`` is from the first frame to the close,
    ``close_to_recorded_s`` from the close to the line in the log.
    """

    user_id: str
    session_id: str
    capture_id: str
    record_id: str
    status: str
    error_code: str = ""
    accepted: int = 0
    extracted: int = 0
    found: dict[str, int] = field(default_factory=dict)
    raw_features_ref: dict[str, Any] = field(default_factory=dict)
    recorded_at: str = ""
    stream_s: float = 0.0
    close_to_recorded_s: float = 0.0

    @property
    def recorded(self) -> bool:
        """Whether the capture's event is in the session's log."""
        return self.status == "recorded"

    @property
    def fps(self) -> float:
        """Frames a second from the first frame sent to the line in the log."""
        return self.accepted / max(1e-9, self.stream_s + self.close_to_recorded_s)


async def stream_capture(
    gateway: Gateway,
    clip: Clip,
    *,
    user_id: str,
    session_id: str,
    intent: str | None = None,
    capture_id: str | None = None,
    record_id: str | None = None,
    timestamp_start: datetime | None = None,
    on_progress: OnProgress | None = None,
    pace: Pace | None = None,
) -> CaptureResult:
    """Stream one clip and wait until it is recorded or aborted.

    Event time is the clip's own, from ``timestamp_start`` (now, if None) on, so the same clip gives the same
    artifact however fast it goes. A capture that was refused or aborted is a result, not an error.

    Raises:
        ClipError: the clip turned out to be unusable; the capture is aborted.
        GatewayError: the gateway is away, or the capture stands still.
    """
    stream = _Stream(
        clip,
        names={
            "schema_version": SCHEMA_VERSION,
            "user_id": user_id,
            "session_id": session_id,
            "capture_id": capture_id or str(uuid4()),
        },
        record_id=record_id or str(uuid4()),
        start=timestamp_start or datetime.now(UTC).replace(microsecond=0),
        intent=intent,
        show=on_progress or (lambda _: None),
        pace=pace or Pace(),
    )
    async with gateway.capture_socket() as socket:
        await stream.send(socket)
    return await stream.outcome(gateway)


class _Stream:
    """One capture on its way."""

    def __init__(
        self,
        clip: Clip,
        *,
        names: dict[str, str],
        record_id: str,
        start: datetime,
        intent: str | None,
        show: OnProgress,
        pace: Pace,
    ) -> None:
        self._clip = clip
        self._names = names
        self._record_id = record_id
        self._start = start
        self._intent = intent
        self._show = show
        self._pace = pace
        self._state = StreamState()
        self._changed = asyncio.Event()
        self._ended = False
        self._error_code = ""
        self._opened_at = self._first_at = self._sent_at = self._closed_at = time.monotonic()

    # --- sending ------------------------------------------------------------------------------------

    async def send(self, socket: ClientConnection) -> None:
        """Open, frames, close; returns when the gateway has closed the socket, whatever its reason."""
        reading = asyncio.create_task(self._read(socket))
        try:
            await socket.send(self._open().model_dump_json(exclude_none=True))
            self._opened_at = self._first_at = self._sent_at = time.monotonic()
            await self._send_frames(socket)
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await reading
        except websockets.exceptions.ConnectionClosed:
            await reading
        except TimeoutError:
            raise GatewayError(f"the gateway did not close the capture within {CLOSE_WITHIN_S:g} s") from None
        finally:
            reading.cancel()
        if not self._error_code and not self._state.closed:
            raise GatewayError("the gateway ended the connection without a reason")

    async def _send_frames(self, socket: ClientConnection) -> None:
        offset_ms = 0
        frames: Iterator[tuple[int, bytes]] = iter(self._clip.frames())
        while (frame := await asyncio.to_thread(next, frames, None)) is not None:
            if not await self._turn():
                return
            offset_ms, jpeg = frame
            seq = self._state.sent + 1
            meta = FrameMeta(
                **self._base(offset_ms),
                event="capture.frame_meta",
                seq=seq,
                timestamp_frame=self._at(offset_ms),
                byte_length=len(jpeg),
            )
            await socket.send(meta.model_dump_json(exclude_none=True))
            await socket.send(jpeg)
            self._sent_at = time.monotonic()
            self._first_at = self._sent_at if seq == 1 else self._first_at
            self._update(replace(self._state, sent=seq))
        end_ms = self._clip.end_ms(offset_ms)
        close = CaptureClose(**self._base(end_ms), event="capture.close", timestamp_end=self._at(end_ms))
        await socket.send(close.model_dump_json(exclude_none=True))
        self._closed_at = time.monotonic()
        self._update(replace(self._state, closed=True))

    async def _turn(self) -> bool:
        """Wait until the next frame may go; false if the capture has ended."""
        while not self._ended:
            now = time.monotonic()
            if self._pace.allows(self._state, waited_s=now - self._opened_at, since_sent_s=now - self._sent_at):
                return True
            self._changed.clear()
            try:
                async with asyncio.timeout(0.5):  # the patience rule depends on the time too
                    await self._changed.wait()
            except TimeoutError:
                continue
        return False

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for message in socket:
                document = orjson.loads(message)
                if document["event"] == "capture.progress":
                    progress = CaptureProgress.model_validate(document)
                    self._update(replace(self._state, extracted=progress.extracted, progress=progress))
                elif document["event"] == "capture.abort":
                    self._error_code = document["error_code"]
        except websockets.exceptions.ConnectionClosed:
            pass
        finally:
            self._error_code = self._error_code or socket.close_reason or ""
            self._ended = True
            self._changed.set()

    def _update(self, state: StreamState) -> None:
        self._state = state
        self._show(state)
        self._changed.set()

    def _at(self, offset_ms: int) -> datetime:
        return self._start + timedelta(milliseconds=offset_ms)

    def _base(self, offset_ms: int, record_id: str | None = None) -> dict[str, Any]:
        return {**self._names, "record_id": record_id or str(uuid4()), "timestamp": self._at(offset_ms)}

    def _open(self) -> BaseMessage:
        return CaptureOpen(
            **self._base(0, self._record_id),
            event="capture.open",
            timestamp_start=self._start,
            fps_target=self._clip.fps_target,
            width=self._clip.width,
            height=self._clip.height,
            encoding="jpeg",
            annotation=Annotation(intent=self._intent) if self._intent is not None else None,
            progress=True,
        )

    # --- what became of it --------------------------------------------------------------------------

    async def outcome(self, gateway: Gateway) -> CaptureResult:
        """Ask until the capture is recorded or aborted."""
        seen: tuple[object, ...] = ()
        moved_at = time.monotonic()
        while True:
            record = await gateway.capture(self._names["capture_id"])
            if record is None and self._error_code:
                return self._result("aborted", {"error_code": self._error_code})
            record = record or {}
            status = record.get("status", "")
            if status in ("recorded", "aborted"):
                return self._result(status, record)
            now = time.monotonic()
            if seen != (seen := (status, record.get("extracted"))):
                moved_at = now
                self._update(replace(self._state, extracted=record.get("extracted") or 0))
            elif now - moved_at > STANDSTILL_S:
                raise GatewayError(
                    f"capture {self._names['capture_id']} stands still ({status or 'unknown'}); see `a3cp inspect`"
                )
            await asyncio.sleep(POLL_S)

    def _result(self, status: str, record: dict[str, Any]) -> CaptureResult:
        return CaptureResult(
            user_id=self._names["user_id"],
            session_id=self._names["session_id"],
            capture_id=self._names["capture_id"],
            record_id=self._record_id,
            status=status,
            error_code=record.get("error_code") or "",
            accepted=record.get("accepted") or 0,
            extracted=record.get("extracted") or 0,
            found=record.get("found") or {},
            raw_features_ref=record.get("raw_features_ref") or {},
            recorded_at=record.get("recorded_at") or "",
            stream_s=self._closed_at - self._first_at,
            close_to_recorded_s=time.monotonic() - self._closed_at,
        )
