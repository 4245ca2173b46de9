"""The clients of a run: they stream captures, send appends, and note every answer."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import httpx
import orjson
import websockets
from websockets.asyncio.client import ClientConnection, connect

from contracts.rules.ids import SCHEMA_VERSION, format_utc
from tests.integration.faults.history import History

__all__ = ["FPS", "SIZE", "Append", "StreamedCapture", "Sessions", "Vanish", "Withdrawal"]

SIZE = (320, 240)
FPS = 15
START = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
CLOSE_WITHIN_S = 90.0

Vanish = Literal["", "connected", "open_sent", "opened", "meta_sent", "mid_frames", "last_frame", "close_sent"]
"""The protocol state in which a client disconnects without a close; empty: it stays."""


def _at(index: int) -> str:
    return format_utc(START + timedelta(milliseconds=round(1000 * index / FPS)))


@dataclass(slots=True)
class StreamedCapture:
    """One capture to stream. ``pace_s`` is between frames; ``frames`` are its JPEGs, of the clip ``clip``; it begins
    when ``after`` is set, if there is one. ``said`` is in its open beside what every open has."""

    user_id: str
    session_id: str
    frames: Sequence[bytes]
    clip: int = 0
    pace_s: float = 0.0
    delay_s: float = 0.0
    vanish: Vanish = ""
    capture_id: str = ""
    record_id: str = ""
    after: asyncio.Event | None = None
    sent: int = 0
    said: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.capture_id = self.capture_id or str(uuid.uuid4())
        self.record_id = self.record_id or str(uuid.uuid4())

    async def run(self, address: str, history: History) -> None:
        """Stream the capture and note how it ended. Raises nothing: each failure is noted as an answer."""
        if self.after is not None:
            await self.after.wait()
        await asyncio.sleep(self.delay_s)
        self._note(history, clip=self.clip, user_id=self.user_id, session_id=self.session_id)
        url = address.replace("http", "ws", 1) + "/camera_feed_worker/capture"
        abort_codes: list[str] = []
        opened = asyncio.Event()
        try:
            async with connect(url, compression=None, proxy=None, close_timeout=2) as socket:
                reading = asyncio.create_task(_read(socket, opened, abort_codes))
                try:
                    await self._send(socket, opened)
                    async with asyncio.timeout(CLOSE_WITHIN_S):
                        await reading
                except websockets.exceptions.ConnectionClosed:
                    await reading
                finally:
                    reading.cancel()
                    await asyncio.gather(reading, return_exceptions=True)
                close_code = socket.close_code if socket.close_code not in (None, 1006) else 0
                code = abort_codes[0] if abort_codes else (socket.close_reason or "")
        except (OSError, TimeoutError, websockets.exceptions.WebSocketException):
            close_code, code = 0, ""
        answer: dict[str, Any] = {"close_code": close_code, "code": code} if not self.vanish else {}
        self._note(history, sent=self.sent, opened=opened.is_set(), vanished=self.vanish, **answer)

    def _note(self, history: History, **fields: Any) -> None:
        history.add("capture", capture_id=self.capture_id, record_id=self.record_id, **fields)

    async def _send(self, socket: ClientConnection, opened: asyncio.Event) -> None:
        if self._goes("connected", socket):
            return
        width, height = SIZE
        window = {"timestamp_start": _at(0), "fps_target": FPS, "width": width, "height": height}
        opened_with = {"encoding": "jpeg", "progress": True, **window, **self.said}
        await socket.send(self._message("capture.open", self.record_id, **opened_with))
        if self._goes("open_sent", socket):
            return
        closed = asyncio.ensure_future(socket.wait_closed())
        first = asyncio.ensure_future(opened.wait())
        await asyncio.wait({closed, first}, return_when=asyncio.FIRST_COMPLETED)
        first.cancel()
        closed.cancel()
        if self._goes("opened", socket):
            return
        for index, jpeg in enumerate(self.frames):
            meta = {"seq": index + 1, "timestamp_frame": _at(index), "byte_length": len(jpeg)}
            await socket.send(self._message("capture.frame_meta", **meta))
            if index == len(self.frames) // 2 and self._goes("meta_sent", socket):
                return
            await socket.send(jpeg)
            self.sent = index + 1
            if index == len(self.frames) // 2 and self._goes("mid_frames", socket):
                return
            await asyncio.sleep(self.pace_s)
        if self._goes("last_frame", socket):
            return
        await socket.send(self._message("capture.close", timestamp_end=_at(len(self.frames))))
        self._goes("close_sent", socket)

    def _goes(self, state: Vanish, socket: ClientConnection) -> bool:
        if self.vanish != state:
            return False
        socket.transport.abort()
        return True

    def _message(self, event: str, record_id: str = "", **fields: Any) -> str:
        base = {
            "schema_version": SCHEMA_VERSION, "record_id": record_id or str(uuid.uuid4()), "user_id": self.user_id,
            "session_id": self.session_id, "timestamp": _at(0), "event": event, "capture_id": self.capture_id,
        }  # fmt: skip
        return orjson.dumps(base | fields).decode()


async def _read(socket: ClientConnection, opened: asyncio.Event, abort_codes: list[str]) -> None:
    with suppress(websockets.exceptions.ConnectionClosed):
        async for message in socket:
            document = orjson.loads(message)
            if document["event"] == "capture.abort":
                abort_codes.append(document["error_code"])
            else:
                opened.set()


@dataclass(slots=True)
class Append:
    """One event for a session's log; sent ``repeats`` times more, and again, the same bytes, until it is recorded
    or ``tries`` are used up."""

    user_id: str
    session_id: str
    text: str
    repeats: int = 0
    tries: int = 4

    async def run(self, http: httpx.AsyncClient, history: History) -> None:
        """Send the event and note every answer."""
        record_id = str(uuid.uuid4())
        document = {
            "schema_version": SCHEMA_VERSION, "record_id": record_id, "user_id": self.user_id,
            "session_id": self.session_id, "timestamp": _at(0), "source": "fault_harness", "note": self.text,
        }  # fmt: skip
        body = orjson.dumps(document)
        ids = {"user_id": self.user_id, "session_id": self.session_id}
        history.add("append.sent", record_id=record_id, event=body.decode(), **ids)
        recorded = 0
        for attempt in range(self.tries):
            try:
                answer = await http.post("/schema-recorder/append", content=body)
                status, recorded_at = answer.status_code, answer.json().get("recorded_at", "")
            except (httpx.HTTPError, ValueError):
                status, recorded_at = 0, ""
            history.add("append.answered", record_id=record_id, status=status, recorded_at=recorded_at)
            recorded += status == 201
            if recorded > self.repeats:
                return
            if status != 201:
                await asyncio.sleep(0.3 * (attempt + 1))


class Sessions:
    """Starts and ends sessions; both are repeated with the same request until they are answered."""

    def __init__(self, http: httpx.AsyncClient, history: History) -> None:
        self._http = http
        self._history = history

    async def start(self, user_id: str) -> str:
        """Start one; returns its id."""
        answer = await self._request("sessions.start", self._base(user_id))
        session_id = str(answer.json()["session_id"])
        self._note(user_id, session_id, started=answer.status_code)
        return session_id

    async def end(self, user_id: str, session_id: str) -> None:
        """End one."""
        fields = {"session_id": session_id, "end_time": _at(100)}
        answer = await self._request("sessions.end", self._base(user_id) | fields)
        self._note(user_id, session_id, ended=answer.status_code)

    async def _request(self, name: str, document: dict[str, Any], tries: int = 8) -> httpx.Response:
        for attempt in range(tries):
            with suppress(httpx.HTTPError):
                answer = await self._http.post(f"/session_manager/{name}", json=document)
                if answer.status_code != 503:
                    return answer
            await asyncio.sleep(0.25 * (attempt + 1))
        raise AssertionError(f"{name} was never answered")

    def _base(self, user_id: str) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION, "record_id": str(uuid.uuid4()), "user_id": user_id,
            "timestamp": _at(0), "performer_id": "system",
        }  # fmt: skip

    def _note(self, user_id: str, session_id: str, **fields: Any) -> None:
        self._history.add("session", user_id=user_id, session_id=session_id, **fields)


@dataclass(slots=True)
class Withdrawal:
    """Withdraws consent to a capture, with erase, until the gateway has an answer."""

    user_id: str
    session_id: str
    capture_id: str
    tries: int = 40

    async def run(self, http: httpx.AsyncClient, history: History) -> None:
        """Send it, the same each time, and note every answer."""
        ids = {"user_id": self.user_id, "session_id": self.session_id, "capture_id": self.capture_id}
        asked = {**ids, "record_id": str(uuid.uuid4()), "performer_id": "client", "erase": True}
        for _ in range(self.tries):
            history.add("withdrawal", capture_id=self.capture_id)
            try:
                status = (await http.post("/library/withdraw", json=asked)).status_code
            except httpx.HTTPError:
                status = 0
            history.add("withdrawal", capture_id=self.capture_id, status=status)
            if 200 <= status < 500:
                return
            await asyncio.sleep(0.5)
