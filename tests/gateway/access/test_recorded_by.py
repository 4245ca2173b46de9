"""The session's log says which entry of the access file recorded, and no client can say it in its place."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import orjson
from pydantic import SecretStr

from contracts.broker import keys
from contracts.messages.event import RawFeaturesRef
from contracts.rules.errors import CaptureError
from contracts.rules.paths import session_log_path
from contracts.state.window import CaptureWindow, read_window
from gateway.access.table import ACCESS_TABLE
from gateway.capture import lifecycle
from tests.gateway.access.test_table import API_TOKEN, TOKENS, with_access
from tests.gateway.access.walking import Person, Walker, recorded_person
from tests.gateway.reached import Reached, assert_refused, reaching
from tests.recorder.samples import feature_ref
from workers.extract.outcome import feature_ref_event


def logged(gateway: Reached, person: Person) -> list[dict[str, Any]]:
    path = session_log_path(gateway.state.settings.log_root, person.user_id, person.session_id)
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


async def test_each_event_names_the_entry_of_its_client(tmp_path: Path) -> None:
    async with with_access(tmp_path) as gateway:
        recorder, reviewer = Walker(gateway, TOKENS["record"]), Walker(gateway, TOKENS["review"])
        ana = await recorded_person(gateway, TOKENS["record"], "ana", upload=False)
        ids = {"user_id": "ana", "session_id": ana.session_id, "capture_id": ana.capture_id, "performer_id": "p"}

        def asked(**fields: Any) -> dict[str, Any]:
            return {"record_id": str(uuid.uuid4()), **ids, **fields}

        note = gateway.start_request(user_id="ana", session_id=ana.session_id, source="notes", weight=1.50)
        ended = gateway.end_request(ana.session_id, user_id="ana")
        answers = [
            await recorder.post("/schema-recorder/append", note),
            await reviewer.post("/library/relabel", asked(intent="water")),
            await Walker(gateway, API_TOKEN).post("/library/review", asked(verdict="keep")),
            await recorder.post("/session_manager/sessions.end", ended),
            await recorder.post("/session_manager/sessions.end", ended),
            await recorder.post("/library/withdraw", asked()),
        ]
        assert [answer.status_code for answer in answers] == [201, 201, 201, 200, 200, 202], answers
        assert "recorded_by" not in answers[3].json() and answers[3].content == answers[4].content
        lines = logged(gateway, ana)
        said = [(line["event"].get("event"), line["event"].get("recorded_by")) for line in lines]
        mine = "my-record"
        assert said == [
            ("session.start", mine), (None, None), (None, mine), ("capture.relabelled", "my-review"),
            ("capture.reviewed", "api-token"), ("session.end", mine), ("consent.withdrawn", mine),
        ]  # fmt: skip
        assert "by" not in lines[2] and lines[2]["event"] == {**note, "recorded_by": mine}
        path = f"/library/captures/{ana.capture_id}"
        shown = await gateway.client.get(path, headers={"Authorization": f"Bearer {API_TOKEN}"})
        history = [(each["event"], each["details"].get("recorded_by")) for each in shown.json()["history"]]
        assert ("capture.relabelled", "my-review") in history
        for token in (*TOKENS.values(), API_TOKEN):
            assert token.encode() not in session_log_path(tmp_path / "logs", "ana", ana.session_id).read_bytes()


async def test_a_client_cannot_say_it_itself(tmp_path: Path) -> None:
    async with with_access(tmp_path) as gateway:
        recorder = Walker(gateway, TOKENS["record"])
        ana = await recorded_person(gateway, TOKENS["record"], "ana", upload=False)
        forged = gateway.start_request(user_id="ana", session_id=ana.session_id, source="notes", recorded_by="lab")
        assert_refused(await recorder.post("/schema-recorder/append", forged), 422, "schema_error")
    async with reaching(tmp_path / "open") as gateway:
        session_id = (await gateway.start()).json()["session_id"]
        event = gateway.start_request(session_id=session_id, source="notes", recorded_by="lab")
        assert (await gateway.post("/schema-recorder/append", event)).status_code == 201
        assert gateway.lines(session_id)[1]["by"] == "client"


async def test_without_an_access_file_no_event_has_a_name(tmp_path: Path) -> None:
    async with reaching(tmp_path, api_token=SecretStr(API_TOKEN)) as gateway:
        ana = await recorded_person(gateway, API_TOKEN, "ana", upload=False)
        assert "recorded_by" not in logged(gateway, ana)[0]["event"]


async def test_a_capture_s_window_and_its_event_name_the_entry(tmp_path: Path) -> None:
    async with with_access(tmp_path) as gateway:
        ana = await recorded_person(gateway, TOKENS["record"], "ana")
        state = keys.capture_keys(ana.job_id).state
        window = read_window(*await gateway.state.frames.hmget(state, "open", "window"))  # type: ignore[misc]
        assert window.recorded_by == "my-record"
        now = datetime.now(UTC)
        reference = RawFeaturesRef(**feature_ref(ana.session_id, "c", str(uuid.uuid4()))["raw_features_ref"])
        assert feature_ref_event(window, now, reference).recorded_by == "my-record"
        windows: list[CaptureWindow] = []

        async def noted(_state: Any, window: CaptureWindow, *_args: Any, **_options: Any) -> None:
            windows.append(window)
            raise CaptureError("session_closed", "enough is seen")

        with mock.patch.object(lifecycle, "open_capture", noted):
            row = next(row for row in ACCESS_TABLE if row.method == "WS")
            await Walker(gateway, TOKENS["record"]).send(row, ana)
        assert [window.recorded_by for window in windows] == ["my-record"]
