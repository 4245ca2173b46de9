"""``POST /session_manager/sessions.*``: every row of the contract's table, and the invariants of sessions."""

from __future__ import annotations

import asyncio
import functools
import os
import re
import stat
import uuid
from pathlib import Path
from typing import Any

import pytest

from contracts.broker import keys
from contracts.broker.roles import connect
from contracts.rules.errors import ConfigurationError, RequestRefused
from contracts.rules.ids import is_session_id
from contracts.rules.paths import session_features_dir, session_log_dir
from contracts.state.events import Receipt, await_receipt
from gateway.sessions import store
from tests.gateway.reached import AWAY, assert_refused, reaching

MS_Z = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z\Z")


def assert_invariants(message: dict[str, Any], user_id: str, session_id: str, performer_id: str) -> None:
    """Check the invariants of an answer or event of the session manager."""
    assert message["source"] == "session_manager"
    assert (message["user_id"], message["session_id"]) == (user_id, session_id)
    assert message["performer_id"] == performer_id
    assert uuid.UUID(message["record_id"]).version == 4
    assert all(MS_Z.match(message[name]) for name in message if name == "timestamp" or name.endswith("_time"))
    assert "timestamp" in message


@pytest.mark.parametrize("performer_id", ["carer-1", "system"])
async def test_start_then_end_emits_two_ordered_events_that_hold_the_invariants(
    tmp_path: Path, performer_id: str
) -> None:
    async with reaching(tmp_path) as gateway:
        started = await gateway.start(performer_id=performer_id, is_demo=True)
        session_id = started.json()["session_id"]
        ended = await gateway.end(session_id, performer_id=performer_id)
        assert (started.status_code, ended.status_code) == (200, 200)
        assert is_session_id(session_id)
        events = [line["event"] for line in gateway.lines(session_id)]
        assert [event.pop("event") for event in events] == ["session.start", "session.end"]
        assert events == [started.json(), ended.json()]
        for message in events:
            assert_invariants(message, gateway.user_id, session_id, performer_id)
        assert all(MS_Z.match(line["recorded_at"]) for line in gateway.lines(session_id))


async def test_answer_echoes_only_what_the_client_set(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        request = gateway.start_request(session_notes="first try", consent_given=False)
        answer = (await gateway.post("/session_manager/sessions.start", request)).json()
        made = {name: answer.pop(name) for name in ("session_id", "start_time", "source", "record_id")}
        assert made["record_id"] != request.pop("record_id")
        assert answer == request | {"timestamp": "2026-01-31T10:00:00.500Z"}


@pytest.mark.parametrize("missing", [..., None])
@pytest.mark.parametrize(
    ("route", "field"), [("start", "performer_id"), ("end", "performer_id"), ("end", "session_id")]
)
async def test_missing_performer_or_session_is_400_whatever_else_is_wrong(
    tmp_path: Path, route: str, field: str, missing: Any
) -> None:
    async with reaching(tmp_path) as gateway:
        request = gateway.end_request("sess_0123456789abcdef", user_id=5)
        request = {name: value for name, value in (request | {field: missing}).items() if value is not ...}
        answer = await gateway.post(f"/session_manager/sessions.{route}", request)
        assert_refused(answer, 400, f"missing_{field}")
        assert gateway.recorder.seen == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"user_id": "../../etc"}, "user_id"),
        ({"user_id": ...}, "user_id"),
        ({"record_id": "not-a-uuid-secret"}, "record_id"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"schema_version": "2.0.0"}, "schema_version"),
        ({"performer_id": ""}, "performer_id"),
        ({"is_demo": "yes"}, "is_demo"),
        ({"surprise": 1}, "surprise"),
    ],
)
async def test_schema_error_is_422_and_names_the_field_without_its_value(
    tmp_path: Path, changes: dict[str, Any], field: str
) -> None:
    async with reaching(tmp_path) as gateway:
        detail = assert_refused(await gateway.start(**changes), 422, "schema_error")
        assert detail.startswith(f"{field}: ")
        assert not any(str(value) in detail for value in changes.values() if isinstance(value, str) and value)


async def test_start_repeated_with_the_same_record_id_is_the_same_session(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        request = gateway.start_request()
        first = await gateway.post("/session_manager/sessions.start", request)
        again = await gateway.post(
            "/session_manager/sessions.start", request | {"record_id": request["record_id"].upper()}
        )
        other = await gateway.start()
        assert first.json() == again.json()
        assert other.json()["session_id"] != first.json()["session_id"]
        assert len(gateway.lines(first.json()["session_id"])) == 1


async def test_end_repeated_with_the_same_record_id_answers_the_same_and_another_one_is_refused(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        session_id = (await gateway.start()).json()["session_id"]
        request = gateway.end_request(session_id)
        first = await gateway.post("/session_manager/sessions.end", request)
        again = await gateway.post("/session_manager/sessions.end", request)
        assert (first.status_code, first.json()) == (200, again.json())
        assert_refused(await gateway.end(session_id), 400, "session_closed")
        assert len(gateway.lines(session_id)) == 2


async def test_end_of_an_unknown_session_is_404_and_of_another_users_400(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        assert_refused(await gateway.end("sess_0123456789abcdef"), 404, "unknown_session")
        session_id = (await gateway.start()).json()["session_id"]
        assert_refused(await gateway.end(session_id, user_id="another-user"), 400, "wrong_user")
        assert await gateway.status(session_id) == "active"


async def test_validate_answers_active_closed_and_invalid(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        session_id = (await gateway.start()).json()["session_id"]
        assert await gateway.status(session_id) == "active"
        assert await gateway.status(session_id, "another-user") == "invalid"
        assert await gateway.status("sess_0123456789abcdef") == "invalid"
        await gateway.end(session_id)
        assert await gateway.status(session_id) == "closed"
        for document in ({"user_id": gateway.user_id}, {"user_id": gateway.user_id, "session_id": "x"}):
            assert_refused(await gateway.post("/session_manager/sessions.validate", document), 422, "schema_error")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
async def test_directories_have_mode_0750_whatever_the_umask_is(
    tmp_path: Path, umask: int, request: pytest.FixtureRequest
) -> None:
    top = tmp_path / "srv"
    async with reaching(top) as gateway:
        before = os.umask(umask)
        request.addfinalizer(lambda: os.umask(before))
        store.make_roots(gateway.state.settings.data_root, gateway.state.settings.log_root)
        session_id = (await gateway.start()).json()["session_id"]
        settings = gateway.state.settings
        for root, made in (
            (settings.log_root, session_log_dir(settings.log_root, gateway.user_id)),
            (settings.data_root, session_features_dir(settings.data_root, gateway.user_id, session_id)),
        ):
            for directory in (made, *made.parents):
                assert stat.S_IMODE(directory.stat().st_mode) == 0o750, directory
                if directory in (root, top):
                    break


def test_a_directory_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(0o770)
    (tmp_path / "data").chmod(0o770)
    store.make_roots(tmp_path / "data", tmp_path / "srv" / "logs")
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o770
    assert stat.S_IMODE((tmp_path / "srv").stat().st_mode) == 0o750
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigurationError, match=r"^DATA_ROOT: "):
            store.make_roots(path, tmp_path / "logs")


async def test_directories_that_cannot_be_made_are_503_and_start_nothing(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file stands here")
    async with reaching(tmp_path, recorder=False) as gateway:
        detail = assert_refused(await gateway.start(), 503, "session_directories_unavailable")
        assert str(tmp_path) not in detail
        assert await gateway.state.events.exists(keys.EVENTS) == 0


def test_a_user_whose_id_differs_in_case_alone_is_refused_where_the_file_system_ignores_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = tmp_path / "logs" / "users"
    session = "sess_0123456789abcdef"
    for user_id in ("Ann", "ann"):  # a case-sensitive file system has a folder for each
        store.make_directories(tmp_path / "data", tmp_path / "logs", user_id, session)
    assert sorted(path.name for path in users.iterdir()) == ["Ann", "ann"]
    store.make_directories(tmp_path / "data", tmp_path / "logs", "carer", session)
    (users / "CARER").symlink_to("carer")  # the same folder under another name, as on a file system that ignores case
    monkeypatch.setattr(Path, "iterdir", lambda folder: [folder / "Carer"])
    with pytest.raises(RequestRefused) as refused:
        store.make_directories(tmp_path / "data", tmp_path / "logs", "carer", "sess_0123456789abcdee")
    assert (refused.value.status, refused.value.code) == (503, "session_directories_unavailable")
    assert not (tmp_path / "data/users/carer/sessions/sess_0123456789abcdee").exists()
    monkeypatch.setattr(Path, "iterdir", lambda folder: [folder / "carer"])
    store.make_directories(tmp_path / "data", tmp_path / "logs", "carer", session)


async def test_without_a_recorder_start_is_503_and_a_repeat_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        request = gateway.start_request()
        with monkeypatch.context() as patch:
            patch.setattr(store, "await_receipt", functools.partial(await_receipt, timeout_s=0.02))
            refused = await gateway.post("/session_manager/sessions.start", request)
        assert_refused(refused, 503, "recorder_unavailable")
        recording = asyncio.create_task(gateway.recorder.run())
        answer = await gateway.post("/session_manager/sessions.start", request)
        gateway.recorder.stopping = True
        await recording
        assert answer.status_code == 200
        session_id = answer.json()["session_id"]
        assert await gateway.status(session_id) == "active"
        assert [line["event"] for line in gateway.lines(session_id)] == [answer.json() | {"event": "session.start"}]


@pytest.mark.parametrize(
    ("code", "status"),
    [("missing_session_path", 409), ("event_too_large", 413), ("invalid_event", 422), ("recorder_io_error", 500)],
)
async def test_a_refusal_of_the_recorder_is_the_client_s_answer(tmp_path: Path, code: str, status: int) -> None:
    async with reaching(tmp_path) as gateway:
        gateway.recorder.refuse = Receipt(error=code, detail="why")
        assert assert_refused(await gateway.start(), status, code) == "why"


@pytest.mark.parametrize("route", ["start", "end", "validate"])
async def test_without_the_events_broker_every_route_is_503(tmp_path: Path, route: str) -> None:
    async with reaching(tmp_path, recorder=False, events=connect(AWAY)) as gateway:
        session_id = "sess_0123456789abcdef"
        document = gateway.end_request(session_id) if route == "end" else gateway.start_request()
        if route == "validate":
            document = {"user_id": gateway.user_id, "session_id": session_id}
        answer = await gateway.post(f"/session_manager/sessions.{route}", document)
        assert "nowhere" not in assert_refused(answer, 503, "broker_unavailable")


async def test_a_session_of_a_newer_release_is_refused_so_that_a_client_tries_again(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        session_id = (await gateway.start()).json()["session_id"]
        name = keys.session(session_id)
        await gateway.state.events.hset(name, "format", "3")  # type: ignore[misc]
        validated = {"user_id": gateway.user_id, "session_id": session_id}
        for answer in (
            await gateway.end(session_id),
            await gateway.post("/session_manager/sessions.validate", validated),
        ):
            assert_refused(answer, 503, "newer_format")
            assert answer.headers["retry-after"]
        await gateway.state.events.hset(name, "format", "2")  # type: ignore[misc]
        assert (await gateway.end(session_id)).status_code == 200
