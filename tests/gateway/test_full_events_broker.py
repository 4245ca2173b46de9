"""An events broker at its ``maxmemory``: new events get a typed 503, queued ones are recorded.

The same requests succeed once there is room.
"""

from __future__ import annotations

import signal
import uuid
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from contracts.broker import keys
from tests.conftest import BrokerPair
from tests.support.gateway import DEADLINE_S, launched, serving
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real


def test_a_full_events_broker_refuses_new_events_records_queued_ones_and_loses_none(
    own_brokers: BrokerPair, tmp_path: Path, unique: str
) -> None:
    user_id = f"user-{unique}"

    def document(**more: Any) -> dict[str, Any]:
        base = {"schema_version": "1.0.1", "record_id": str(uuid.uuid4()), "timestamp": "2026-01-31T12:00:00Z"}
        return base | {"user_id": user_id, "performer_id": "system"} | more

    with (
        serving(tmp_path, own_brokers) as gateway,
        launched(tmp_path, own_brokers, module="recorder") as recorder,
        own_brokers.events.client() as events,
    ):

        def post(path: str, body: dict[str, Any]) -> httpx.Response:
            return httpx.post(gateway.address + path, json=body, timeout=DEADLINE_S)

        def started() -> Any:
            answer = post("/session_manager/sessions.start", document())
            return answer.json()["session_id"] if answer.status_code == 200 else None

        session_id = wait_until(started, "a recorder is active")
        log = tmp_path / "logs" / "users" / user_id / "sessions" / f"{session_id}.jsonl"
        queued, appended = (document(session_id=session_id, source="tests", text=text) for text in ("queued", "new"))
        requests = {
            "/session_manager/sessions.start": document(),
            "/schema-recorder/append": appended,
            "/session_manager/sessions.end": document(session_id=session_id, end_time="2026-01-31T12:01:00Z"),
        }
        recorder.process.send_signal(signal.SIGSTOP)
        fields = {"event": orjson.dumps(queued), "user_id": user_id, "session_id": session_id}
        events.xadd(keys.EVENTS, fields | {"record_id": queued["record_id"]})
        events.config_set("maxmemory", 1)
        recorder.process.send_signal(signal.SIGCONT)
        for path, body in requests.items():
            refused = post(path, body)
            assert (refused.status_code, refused.json()["error"]) == (503, "broker_unavailable"), path
            assert refused.json()["detail"] == "The events broker is out of memory; try again later."
        wait_until(lambda: len(log.read_bytes().splitlines()) == 2, "what was queued is recorded on the full broker")
        wait_until(lambda: not events.xlen(keys.EVENTS), "and is gone from it")
        events.config_set("maxmemory", "256mb")
        for path, body in requests.items():
            assert wait_until(lambda path=path, body=body: post(path, body).is_success, path)  # type: ignore[misc]
        texts = [orjson.loads(line)["event"] for line in log.read_bytes().splitlines()]
        said = [text.get("text") or text["event"] for text in texts]
        assert said == ["session.start", "queued", "new", "session.end"]
