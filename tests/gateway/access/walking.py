"""Requests for every row of the access table, about one person, and how they are answered."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import httpx

from contracts.rules.paths import session_log_path
from gateway.access.table import AccessRow
from gateway.server.websocket_protocol import TOO_LONG
from tests.contracts.storage.session_lines import line_bytes
from tests.gateway.preview.test_preview import npz, row
from tests.gateway.reached import Reached
from tests.recorder.samples import feature_ref
from tests.support.messages import Client

VIDEO = b"\x00\x00\x00\x18ftypmp42" + bytes(2000)
HIDDEN = "session_invalid"


@dataclass
class Person:
    """A person with an open session, a recorded capture and an upload that waits; or one of whom there is nothing."""

    user_id: str
    session_id: str
    capture_id: str
    job_id: str

    @classmethod
    def absent(cls) -> Person:
        return cls("ghost", f"sess_{uuid.uuid4().hex[:16]}", f"capture-{uuid.uuid4().hex}", f"job-{uuid.uuid4().hex}")


@dataclass
class Walker:
    """Sends requests with one token, or with none."""

    gateway: Reached
    token: str | None = None

    def _headers(self) -> dict[str, str]:
        return {} if self.token is None else {"Authorization": f"Bearer {self.token}"}

    async def send(self, access: AccessRow, person: Person) -> httpx.Response | list[dict[str, Any]]:
        """The answer to the request of a row about a person; of a socket, the ASGI messages."""
        if access.method == "WS":
            return await self._socket(access.path, person)
        made = BODIES.get(access.path)
        if made is not None:
            return await self.post(access.path, made(self.gateway, person))
        path = access.path.replace("{capture_id}", person.capture_id).replace("{job_id}", person.job_id)
        path = (
            path.replace("{id}", "1-0")
            .replace("{study}", "care")
            .replace("{prompt}", "drink")
            .replace("{user_id}", person.user_id)
        )
        if access.method == "POST":
            return await self.submit(person) if access.path == "/video/submit" else await self.post(path, {})
        query = {"user_id": person.user_id} if access.owner == "query" else {}
        return await self.gateway.client.get(path, params=query, headers=self._headers())

    async def post(self, path: str, document: Any) -> httpx.Response:
        return await self.gateway.post(path, document, headers=self._headers())

    async def submit(self, person: Person) -> httpx.Response:
        ids = {"record_id": str(uuid.uuid4()), "capture_id": f"job-{uuid.uuid4().hex}"}
        fields = {"user_id": person.user_id, "session_id": person.session_id, **ids}
        files = {"file": ("a.mp4", VIDEO)}
        return await self.gateway.client.post("/video/submit", data=fields, files=files, headers=self._headers())

    async def _socket(self, path: str, person: Person) -> list[dict[str, Any]]:
        """Connect, open a capture (or send what is no picture), and leave after the first answer."""
        first = _open_text(person) if "camera" in path else "no JPEG"
        answered = asyncio.Event()

        def note(message: Any) -> None:
            if message["type"] != "websocket.accept":
                answered.set()

        return await self.connect(path, first, note, answered)

    async def connect(
        self, path: str, text: str | None, note: Callable[[Any], None], leave: asyncio.Event
    ) -> list[dict[str, Any]]:
        """Connect to a socket, send a text, and disconnect at ``leave``. Returns what the gateway sent; each message
        goes to ``note`` too."""
        headers = [(name.lower().encode(), value.encode()) for name, value in self._headers().items()]
        scope = {
            "type": "websocket", "path": path, "raw_path": path.encode(), "query_string": b"pipeline_id=hands",
            "root_path": "", "headers": headers, "subprotocols": [],
            "extensions": {"websocket.http.response": {}, TOO_LONG: {}},
        }  # fmt: skip
        incoming: list[dict[str, Any]] = [{"type": "websocket.connect"}]
        if text is not None:
            incoming.append({"type": "websocket.receive", "text": text})
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if incoming:
                return incoming.pop(0)
            await leave.wait()
            return {"type": "websocket.disconnect", "code": 1001}

        async def send(message: Any) -> None:
            sent.append(message)
            note(message)

        await self.gateway.app(scope, receive, send)
        return sent

    async def ended_by(self, path: str, person: Person, change: Callable[[], None]) -> list[dict[str, Any]]:
        """Connect, open a capture if it is a capture's socket, then call ``change``, and stay until the gateway ends
        it. Returns what it sent."""
        is_capture, changed, closed = "camera" in path, False, asyncio.Event()

        def note(message: Any) -> None:
            nonlocal changed
            if not changed and (message["type"] == "websocket.accept") is not is_capture:
                changed = True
                change()
            if message["type"] == "websocket.close":
                closed.set()

        return await self.connect(path, _open_text(person) if is_capture else None, note, closed)


def _open_text(person: Person) -> str:
    client = Client(user_id=person.user_id, session_id=person.session_id, capture_id=str(uuid.uuid4()))
    return client.open(progress=True)


def verdict_of(answer: httpx.Response | list[dict[str, Any]]) -> str:
    """The status of an answer; of a socket 101, the status that refused its handshake, or ``hidden``."""
    if isinstance(answer, httpx.Response):
        return str(answer.status_code)
    if answer[0]["type"] == "websocket.http.response.start":
        return str(answer[0]["status"])
    return "hidden" if any(message.get("reason") == HIDDEN for message in answer) else "101"


def comparable(answer: httpx.Response | list[dict[str, Any]]) -> Any:
    """What a client sees of an answer, without the ids that it sent itself."""
    if isinstance(answer, httpx.Response):
        return answer.status_code, sorted(answer.headers.items()), answer.content
    return [(each["type"], each.get("code"), each.get("reason"), "text" in each) for each in answer]


def _statement(**fields: Any) -> Callable[[Reached, Person], dict[str, Any]]:
    def made(gateway: Reached, person: Person) -> dict[str, Any]:
        ids = {"user_id": person.user_id, "session_id": person.session_id, "capture_id": person.capture_id}
        return {"record_id": str(uuid.uuid4()), "performer_id": "carer-1", **ids, **fields}

    return made


def _withdrawal(gateway: Reached, person: Person) -> dict[str, Any]:
    asked = _statement()(gateway, person)
    return {**asked, "erase": False}


BODIES: dict[str, Callable[[Reached, Person], dict[str, Any]]] = {
    "/session_manager/sessions.start": lambda gateway, person: gateway.start_request(user_id=person.user_id),
    "/session_manager/sessions.end": lambda gateway, person: gateway.end_request(
        person.session_id, user_id=person.user_id
    ),
    "/session_manager/sessions.validate": lambda _, person: {
        "user_id": person.user_id,
        "session_id": person.session_id,
    },
    "/schema-recorder/append": lambda gateway, person: gateway.start_request(
        user_id=person.user_id, session_id=person.session_id, source="notes"
    ),
    "/library/review": _statement(verdict="keep"),
    "/library/relabel": _statement(intent="water"),
    "/library/reassign": lambda gateway, person: _statement(participant=person.user_id)(gateway, person),
    "/library/withdraw": _withdrawal,
    "/operate/retention": lambda *_: {"until": "2026-01-31T12:00:00Z"},
}


async def recorded_person(gateway: Reached, token: str, user_id: str, *, upload: bool = True) -> Person:
    """Start a session of a person, with a recorded capture in its log, and an upload that waits."""
    walker = Walker(gateway, token)
    started = await walker.post("/session_manager/sessions.start", gateway.start_request(user_id=user_id))
    assert started.status_code == 200, started.text
    session_id, capture_id = started.json()["session_id"], f"capture-{uuid.uuid4().hex}"
    settings, record_id, artifact = gateway.state.settings, str(uuid.uuid4()), npz(row(0), row(66))
    event = feature_ref(session_id, capture_id, record_id, user_id, hash=f"sha256:{sha256(artifact).hexdigest()}")
    (settings.data_root / event["raw_features_ref"]["uri"]).write_bytes(artifact)
    with session_log_path(settings.log_root, user_id, session_id).open("ab") as log:
        log.write(line_bytes(event))
    person = Person(user_id, session_id, capture_id, "none")
    if not upload:
        return person
    submitted = await walker.submit(person)
    assert submitted.status_code == 202, submitted.text
    person.job_id = submitted.json()["job_id"]
    return person
