"""``POST /library/withdraw``: what it covers, what it says in the logs, what it refuses, and how it is repeated."""

from __future__ import annotations

import asyncio
import threading
import uuid
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from contracts.broker import keys
from contracts.broker.script import run
from contracts.messages.library import Withdrawn
from contracts.state import records, sessions
from contracts.state.events import EventEntry, Receipt
from gateway.library import library as library_module
from gateway.library.catalog import Catalog
from tests.contracts.storage.session_lines import SESSION, USER, erased, record_id, recorded, said, start
from tests.gateway.library.catalogs import Library
from tests.gateway.reached import Reached, assert_refused, reaching

OTHER = "sess_fedcba9876543210"
EVENT = "consent.withdrawn"


def withdrawal(**changes: Any) -> dict[str, Any]:
    """A request; a field of ``...`` is left out."""
    made = {"record_id": str(uuid.uuid4()), "user_id": USER, "performer_id": "carer-1", "erase": False}
    return {name: value for name, value in (made | changes).items() if value is not ...}


async def withdraw(gateway: Reached, asked: dict[str, Any]) -> tuple[int, int]:
    answer = await gateway.post("/library/withdraw", asked)
    assert answer.status_code == 202, answer.text
    counts = Withdrawn.model_validate_json(answer.content)
    return counts.withdrawn, counts.erasing


async def states(gateway: Reached) -> dict[str, str]:
    page = (await gateway.client.get("/library/captures")).json()
    return {capture["capture_id"]: capture["state"] for capture in page["captures"]}


def events(gateway: Reached, session_id: str = SESSION, user_id: str = USER) -> list[dict[str, Any]]:
    """The withdrawals in a log."""
    gateway.user_id = user_id
    return [line["event"] for line in gateway.lines(session_id) if line["event"].get("event") == EVENT]


def two_sessions(folder: Path) -> Library:
    """Two sessions of one user, with three captures and none, and one session of another user."""
    library = Library(folder)
    library.append(start(), *(recorded(name, number) for number, name in enumerate("abc", 100)))
    library.append(start(session_id=OTHER), session_id=OTHER)
    library.append(start(user_id="u2"), recorded("d", user_id="u2"), user_id="u2")
    return library


async def test_of_one_capture(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        two_sessions(tmp_path)
        asked = withdrawal(session_id=SESSION, capture_id="b", erase=True)
        assert await withdraw(gateway, asked) == (1, 1)
        assert await states(gateway) == {"a": "kept", "b": "withdrawn", "c": "kept", "d": "kept"}
        (event,) = events(gateway)
        assert event.pop("timestamp")
        assert event == asked | {"schema_version": "1.0.1", "source": "library", "event": EVENT}
        assert "by" not in gateway.lines(SESSION)[-1]


async def test_of_one_capture_without_its_session(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        two_sessions(tmp_path)
        assert await withdraw(gateway, withdrawal(capture_id="b")) == (1, 0)
        assert events(gateway)[0]["session_id"] == SESSION
        assert_refused(
            await gateway.post("/library/withdraw", withdrawal(capture_id="d")), 404, "unknown_capture"
        )  # another person's


async def test_of_a_session_and_of_what_is_recorded_in_it_later(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        library = two_sessions(tmp_path)
        asked = withdrawal(session_id=SESSION, erase=True)
        assert await withdraw(gateway, asked) == (3, 3)
        library.append(recorded("late", 200))
        assert await states(gateway) == dict.fromkeys(("a", "b", "c", "late"), "withdrawn") | {"d": "kept"}
        assert await withdraw(gateway, asked) == (4, 4)
        assert await withdraw(gateway, withdrawal(session_id=OTHER)) == (0, 0)
        assert len(events(gateway)) == len(events(gateway, OTHER)) == 1


async def test_of_a_person_in_every_session_of_theirs_and_wherever_they_are_shown(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        library = two_sessions(tmp_path)
        library.append(
            recorded("e", 300, user_id="u2"),
            said("capture.reassigned", user_id="u2", capture_id="e", participant=USER),
            user_id="u2",
        )
        asked = withdrawal(erase=True)
        assert await withdraw(gateway, asked) == (4, 4)
        assert await states(gateway) == dict.fromkeys("abce", "withdrawn") | {"d": "kept"}
        for session_id, user_id, capture_id in ((SESSION, USER, None), (OTHER, USER, None), (SESSION, "u2", "e")):
            (event,) = events(gateway, session_id, user_id)
            assert (event["record_id"], event.get("capture_id")) == (asked["record_id"], capture_id)
            assert (event["user_id"], event["session_id"]) == (user_id, session_id)


async def test_a_repeat_adds_nothing_and_the_same_request_with_erase_does(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        library = two_sessions(tmp_path)
        asked = withdrawal(session_id=SESSION, capture_id="a")
        assert [await withdraw(gateway, asked) for _ in range(2)] == [(1, 0), (1, 0)]
        assert await withdraw(gateway, asked | {"record_id": asked["record_id"].upper()}) == (1, 0)
        assert len(events(gateway)) == 1
        assert await withdraw(gateway, asked | {"erase": True}) == (1, 1)  # a wish to erase is never lost
        assert [event["erase"] for event in events(gateway)] == [False, True]
        library.append(erased("a"))
        assert await withdraw(gateway, asked | {"erase": True}) == (1, 0)
        assert len(events(gateway)) == 2


async def test_without_and_later_with_erase(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        two_sessions(tmp_path)
        assert await withdraw(gateway, withdrawal()) == (3, 0)
        assert await withdraw(gateway, withdrawal(erase=True)) == (3, 3)
        assert await withdraw(gateway, withdrawal()) == (3, 3)  # still to be erased


async def test_requests_at_the_same_moment_are_all_said_and_count_once(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        two_sessions(tmp_path)
        asked = withdrawal(session_id=SESSION, erase=True)
        assert await asyncio.gather(*(withdraw(gateway, asked) for _ in range(5))) == [(3, 3)] * 5


REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "unknown capture": ({"session_id": SESSION, "capture_id": "other"}, 404, "unknown_capture"),
    "unknown capture, no session": ({"capture_id": "other"}, 404, "unknown_capture"),
    "another person's capture": ({"session_id": SESSION, "capture_id": "d"}, 404, "unknown_capture"),
    "another session's capture": ({"session_id": OTHER, "capture_id": "a"}, 404, "unknown_capture"),
    "unknown session": ({"session_id": "sess_0000000000000000"}, 404, "unknown_session"),
    "another person's session": ({"user_id": "u3", "session_id": SESSION}, 404, "unknown_session"),
    "unknown person": ({"user_id": "u3"}, 404, "unknown_session"),
    "aborted": ({"session_id": SESSION, "capture_id": "aborted"}, 409, "capture_aborted"),
    "erased": ({"session_id": SESSION, "capture_id": "gone", "erase": True}, 409, "capture_erased"),
    "erased, no session": ({"capture_id": "gone"}, 409, "capture_erased"),
    "no user": ({"user_id": ...}, 400, "missing_user_id"),
    "no performer": ({"performer_id": None}, 400, "missing_performer_id"),
    "no record_id": ({"record_id": ...}, 422, "schema_error"),
    "erase is no boolean": ({"erase": "yes"}, 422, "schema_error"),
    "a path": ({"user_id": "../u1"}, 422, "schema_error"),
    "an unknown field": ({"reason": "moved"}, 422, "schema_error"),
}


@pytest.mark.parametrize(("changes", "status", "code"), REFUSED.values(), ids=REFUSED)
async def test_what_is_refused_says_nothing(tmp_path: Path, changes: dict[str, Any], status: int, code: str) -> None:
    async with reaching(tmp_path) as gateway:
        two_sessions(tmp_path).append(recorded("gone", 400), said(EVENT, capture_id="gone", erase=True), erased("gone"))
        await _put_record(gateway, "aborted", "aborted")
        assert_refused(await gateway.post("/library/withdraw", withdrawal(**changes)), status, code)
        assert gateway.recorder.seen == 0


async def test_a_session_with_an_erased_capture_can_be_withdrawn(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        two_sessions(tmp_path).append(said(EVENT, capture_id="a", erase=True), erased("a"))
        assert await withdraw(gateway, withdrawal(session_id=SESSION, erase=True)) == (3, 2)


async def test_a_capture_that_is_not_recorded_yet_is_withdrawn_as_soon_as_it_is(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        library = two_sessions(tmp_path)
        await _put_record(gateway, "open", "")
        assert await withdraw(gateway, withdrawal(session_id=SESSION, capture_id="open", erase=True)) == (1, 1)
        library.append(recorded("open", 500))
        assert (await states(gateway))["open"] == "withdrawn"


async def test_a_capture_that_is_open_is_found_without_its_session(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        library = two_sessions(tmp_path)
        await _put_record(gateway, "open", "")
        assert await withdraw(gateway, withdrawal(capture_id="open")) == (1, 0)
        library.append(recorded("open", 500))
        assert (await states(gateway))["open"] == "withdrawn"
        another = withdrawal(user_id="u2", capture_id="open")
        assert_refused(await gateway.post("/library/withdraw", another), 404, "unknown_capture")


async def test_of_a_person_waits_until_the_catalog_has_every_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library_module, "FRESH_S", 0.0)
    held, turns = threading.Event(), Catalog.turns

    def slow(catalog: Catalog) -> Any:
        held.wait(300)
        yield from turns(catalog)

    async with reaching(tmp_path) as gateway:
        library = two_sessions(tmp_path)
        await states(gateway)  # the first pass is over
        await gateway.app.state.library.read(lambda _: None, whole=True)
        said_of_another = said("capture.reassigned", user_id="u2", capture_id="d", participant="shown")
        library.append(said_of_another, user_id="u2")
        monkeypatch.setattr(Catalog, "turns", slow)
        asked = asyncio.create_task(withdraw(gateway, withdrawal(user_id="shown")))
        assert (await states(gateway))["d"] == "kept"  # a list does not wait
        held.set()
        assert await asked == (1, 0)


async def test_a_catalog_that_is_not_read_to_its_end_withdraws_no_half_of_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, turns = threading.Event(), Catalog.turns

    def slow(catalog: Catalog) -> Any:
        held.wait(300)
        yield from turns(catalog)

    monkeypatch.setattr(library_module, "WHOLE_S", 0.0)
    monkeypatch.setattr(Catalog, "turns", slow)
    async with reaching(tmp_path) as gateway:
        two_sessions(tmp_path)
        assert_refused(await gateway.post("/library/withdraw", withdrawal()), 503, "library_not_ready")
        held.set()
        assert gateway.recorder.seen == 0


WHOLE_SESSIONS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a capture": ({"session_id": SESSION, "capture_id": "a"}, []),
    "a session": ({"session_id": SESSION}, [SESSION]),
    "a person": ({}, [SESSION, OTHER]),
    "another person": ({"user_id": "u2"}, []),
}


@pytest.mark.parametrize(("asked", "withdrawn"), WHOLE_SESSIONS.values(), ids=WHOLE_SESSIONS)
async def test_nothing_more_is_recorded_in_a_session_that_was_withdrawn(
    tmp_path: Path, asked: dict[str, Any], withdrawn: list[str]
) -> None:
    async with reaching(tmp_path) as gateway:
        two_sessions(tmp_path)
        for session_id in (SESSION, OTHER):
            entry = EventEntry(b"{}", USER, session_id, record_id(1))
            await run(gateway.state.events, sessions.start_session("request", b"{}", entry))
        await withdraw(gateway, withdrawal(**asked))
        for session_id in (SESSION, OTHER):
            status = await run(gateway.state.events, records.recheck(USER, session_id, "new"))
            assert status == ("consent_withdrawn" if session_id in withdrawn else "active")


async def test_without_a_recorder_it_is_503_and_all_is_queued_or_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contracts.state.events.await_receipt.__defaults__", (0.05,))
    async with reaching(tmp_path, recorder=False) as gateway:
        two_sessions(tmp_path)
        assert_refused(await gateway.post("/library/withdraw", withdrawal()), 503, "recorder_unavailable")
        assert await gateway.state.events.xlen(keys.EVENTS) == 2


async def test_what_the_recorder_refuses_is_refused(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        two_sessions(tmp_path)
        gateway.recorder.refuse = Receipt(error="missing_session_path", detail="the session's directory is missing")
        assert_refused(await gateway.post("/library/withdraw", withdrawal()), 409, "missing_session_path")


async def test_a_folder_of_logs_that_cannot_be_looked_at_withdraws_no_half_of_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_logs_of(log_root: Path, user_id: str, on_error: Any) -> Any:
        on_error(PermissionError(13, "Permission denied", str(log_root)))
        return iter(())

    monkeypatch.setattr("gateway.library.library.find_logs_of", find_logs_of)
    async with reaching(tmp_path) as gateway:
        two_sessions(tmp_path)
        assert_refused(await gateway.post("/library/withdraw", withdrawal()), 503, "library_unavailable")
        assert gateway.recorder.seen == 0


async def test_the_token_guards_it_and_another_origin_says_nothing(tmp_path: Path) -> None:
    async with reaching(tmp_path, api_token=SecretStr("s3cret")) as gateway:
        two_sessions(tmp_path)
        assert_refused(await gateway.post("/library/withdraw", withdrawal()), 401, "token_required")
        headers = {"authorization": "Bearer s3cret", "origin": "https://elsewhere.example"}
        answer = await gateway.post("/library/withdraw", withdrawal(), headers=headers)
        assert_refused(answer, 403, "origin_not_allowed")


async def _put_record(gateway: Reached, capture_id: str, outcome: str) -> None:
    fields = {
        "capture_id": capture_id, "user_id": USER, "session_id": SESSION, "record_id": record_id(1),
        "outcome": outcome, "error_code": "protocol_violation" if outcome else "",
    }  # fmt: skip
    await gateway.state.events.hset(keys.capture_record(capture_id), mapping=fields)  # type: ignore[misc]
