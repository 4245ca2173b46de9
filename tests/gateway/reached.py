"""The gateway's HTTP routes for tests: the application on fake brokers, and a minimal recorder."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fakeredis
import httpx
import orjson
import redis
from starlette.applications import Starlette

from contracts.broker import keys
from contracts.broker.roles import AsyncBroker, ensure_group
from contracts.broker.script import run
from contracts.process.settings import Settings
from contracts.rules.ids import format_utc
from contracts.rules.paths import session_log_path
from contracts.state import dead_letters, recording
from contracts.state.events import EventEntry, Receipt, encode_line, split_line
from gateway.app import create_app
from gateway.state import GatewayState
from tests.support.waiting import needed

AWAY = "unix:///nowhere/broker.sock"
HOST = "127.0.0.1:8000"
ORIGIN = f"http://{HOST}"


@dataclass
class TinyRecorder:
    """Takes every event from the stream in order and appends it, unless the log has the same bytes.

    ``refuse`` is a receipt that it writes instead, without touching a file.
    """

    __test__ = False
    events: AsyncBroker
    log_root: Path
    refuse: Receipt | None = None
    seen: int = 0
    stopping: bool = False

    async def run(self) -> None:
        await ensure_group(self.events, "events", keys.EVENTS, keys.RECORDER_GROUP)
        while not self.stopping:  # a flag, because the fake client can lose a cancellation
            answer: Any = await self.events.xreadgroup(keys.RECORDER_GROUP, "tiny", {keys.EVENTS: ">"}, count=10)
            for _, entries in answer:
                for entry_id, fields in entries:
                    await self._handle(entry_id.decode(), fields)
            await asyncio.sleep(0.002)

    async def _handle(self, entry_id: str, fields: dict[bytes, bytes]) -> None:
        self.seen += 1
        entry = EventEntry.decode(fields)
        path = session_log_path(self.log_root, entry.user_id, entry.session_id)
        refused = self.refuse
        if refused is None and not path.parent.is_dir():
            refused = Receipt(error="missing_session_path", detail="the session's directory is missing")
        if refused is not None:
            await run(self.events, dead_letters.dead_letter(entry_id, refused, fields, datetime.now(UTC)))
            return
        receipt = Receipt(recorded_at=self._append(path, entry))
        await run(self.events, recording.acknowledge_event(entry_id, receipt, entry.capture_id))

    def _append(self, path: Path, entry: EventEntry) -> str:
        for line in path.read_bytes().splitlines(keepends=True) if path.exists() else []:
            recorded_at, there = split_line(line) or ("", b"")
            if there == entry.event:
                return recorded_at
        recorded_at = format_utc(datetime.now(UTC))
        with path.open("ab") as log:
            log.write(encode_line(entry.event, recorded_at, 2**30, by_client=entry.by_client))
        return recorded_at


@dataclass
class Reached:
    """A gateway with a client that calls it without a socket."""

    app: Starlette
    state: GatewayState
    client: httpx.AsyncClient
    recorder: TinyRecorder
    user_id: str = field(default_factory=lambda: f"user-{uuid.uuid4().hex[:8]}")

    async def post(self, path: str, document: Any = None, **options: Any) -> httpx.Response:
        body = document if isinstance(document, bytes) else orjson.dumps(document)
        return await self.client.post(path, content=body, **options)

    def start_request(self, **changes: Any) -> dict[str, Any]:
        return _changed(
            {
                "schema_version": "1.0.1",
                "record_id": str(uuid.uuid4()),
                "user_id": self.user_id,
                "timestamp": "2026-01-31T12:00:00.5+02:00",
                "performer_id": "carer-1",
            },
            changes,
        )

    def end_request(self, session_id: str, **changes: Any) -> dict[str, Any]:
        made = {"session_id": session_id, "end_time": "2026-01-31T12:05:00Z"}
        return _changed(self.start_request() | made, changes)

    async def start(self, **changes: Any) -> httpx.Response:
        return await self.post("/session_manager/sessions.start", self.start_request(**changes))

    async def end(self, session_id: str, **changes: Any) -> httpx.Response:
        return await self.post("/session_manager/sessions.end", self.end_request(session_id, **changes))

    async def status(self, session_id: str, user_id: str = "") -> str:
        document = {"user_id": user_id or self.user_id, "session_id": session_id}
        answer = await self.post("/session_manager/sessions.validate", document)
        assert answer.status_code == 200
        return str(answer.json()["status"])

    def lines(self, session_id: str) -> list[dict[str, Any]]:
        """The session's log."""
        path = session_log_path(self.state.settings.log_root, self.user_id, session_id)
        return [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def _changed(document: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A field of ``...`` is left out."""
    return {name: value for name, value in (document | changes).items() if value is not ...}


def assert_refused(answer: httpx.Response, status: int, code: str) -> str:
    """Check that the answer is a refusal in the common form; returns its sentence."""
    assert (answer.status_code, answer.json()["error"]) == (status, code), answer.text
    assert set(answer.json()) == {"error", "detail"}
    assert answer.headers["content-type"] == "application/json"
    assert "Traceback" not in answer.text
    return str(answer.json()["detail"])


@asynccontextmanager
async def reaching(
    folder: Path,
    *,
    recorder: bool = True,
    frames: AsyncBroker | None = None,
    events: AsyncBroker | None = None,
    **settings: Any,
) -> AsyncIterator[Reached]:
    """A gateway on fake brokers unless others are given, with a recorder unless ``recorder`` is false."""
    settings = {"data_root": folder / "data", "log_root": folder / "logs", "state_dir": folder / "state"} | settings
    frames = frames if frames is not None else fakeredis.FakeAsyncRedis(server=fakeredis.FakeServer())
    events = events if events is not None else fakeredis.FakeAsyncRedis(server=fakeredis.FakeServer())
    state = GatewayState(Settings(**settings), frames, events)
    app = create_app(state)
    tiny = TinyRecorder(events, settings["log_root"])
    task = needed(asyncio.create_task(tiny.run())) if recorder else None
    transport = httpx.ASGITransport(app)
    try:
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            yield Reached(app, state, client, tiny)
    finally:
        await app.state.library.close()
        tiny.stopping = True
        if task is not None:
            await task
        for broker in (frames, events):
            with suppress(redis.exceptions.RedisError):
                await broker.aclose()
