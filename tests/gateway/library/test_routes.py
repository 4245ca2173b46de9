"""The library's routes: lists with filters and pages, one capture, counts, and what can be said about a capture."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import uuid
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from contracts.broker import keys
from contracts.messages.library import LibraryCaptureWithHistory, LibraryPage, LibrarySummary
from contracts.state.events import Receipt
from gateway.library import library as library_module
from gateway.library.database import newest_database
from tests.contracts.storage.session_lines import SESSION, erased, line_bytes, quality, record_id, recorded, said, start
from tests.gateway.library.catalogs import Library, damage_rows
from tests.gateway.reached import Reached, assert_refused, reaching

USER = "u1"


def review(capture_id: str = "c", **changes: Any) -> dict[str, Any]:
    return _request(capture_id, {"verdict": "keep"} | changes)


def _request(capture_id: str, fields: dict[str, Any]) -> dict[str, Any]:
    made = {
        "record_id": str(uuid.uuid4()),
        "user_id": USER,
        "session_id": SESSION,
        "capture_id": capture_id,
        "performer_id": "carer-1",
    }
    return {name: value for name, value in (made | fields).items() if value is not ...}


def library_of(folder: Path) -> Library:
    """The logs of a gateway in this folder. Its own catalog is not used."""
    return Library(folder)


async def listed(gateway: Reached, **query: Any) -> dict[str, Any]:
    answer = await gateway.client.get("/library/captures", params=query)
    assert answer.status_code == 200, answer.text
    LibraryPage.model_validate_json(answer.content)
    return dict(answer.json())


async def ids(gateway: Reached, **query: Any) -> list[str]:
    page = await listed(gateway, **query)
    assert page["total"] == len(page["captures"])
    return [capture["capture_id"] for capture in page["captures"]]


async def one(gateway: Reached, capture_id: str = "c") -> dict[str, Any]:
    answer = await gateway.client.get(f"/library/captures/{capture_id}")
    assert answer.status_code == 200, answer.text
    LibraryCaptureWithHistory.model_validate_json(answer.content)
    return dict(answer.json())


async def test_there_is_nothing_yet(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        assert await listed(gateway) == {"captures": [], "next": None, "total": 0}
        summary = (await gateway.client.get("/library/summary")).json()
        LibrarySummary.model_validate(summary)
        assert summary["total"] == 0
        assert summary["quality"] == {"good": 0, "check": 0, "poor": 0, "none": 0}
        assert_refused(await gateway.client.get("/library/captures/absent"), 404, "unknown_capture")
        assert_refused(await gateway.client.get("/library/captures/..%2Fx"), 404, "not_found")
        assert_refused(await gateway.client.get("/library/captures/.x"), 404, "unknown_capture")


async def test_a_capture_is_listed_as_soon_as_its_line_is_in_the_file(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        library = library_of(tmp_path)
        for number in range(3):
            library.append(recorded(f"c{number}", number))
            assert f"c{number}" in await ids(gateway)


def _fill(library: Library) -> None:
    """Three captures of two users."""
    other = {"session_id": "sess_fedcba9876543210", "user_id": "u2"}
    take = {"intent": "é", "study": "s1", "prompt": "e", "resend_of": "a0"}
    library.append(
        line_bytes(start(consent_given=True), 0),
        line_bytes(recorded("a", 1, annotation=take, quality=quality("good")), 10),
        line_bytes(recorded("b", 2, annotation={"intent": "nod"}, quality=quality("poor")), 20),
        line_bytes(said("capture.reviewed", 5, capture_id="a", verdict="keep"), 30),
        line_bytes(said("consent.withdrawn", 6, capture_id="b"), 31),
    )
    event = {**recorded("d", 3, user_id="u2"), **other}
    library.append(line_bytes(event, 40), user_id="u2", session_id=other["session_id"])


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["d", "b", "a"]),
    ({"user_id": "u1"}, ["b", "a"]),
    ({"user_id": "u3"}, []),
    ({"session_id": SESSION}, ["b", "a"]),
    ({"label": "nod"}, ["b"]),
    ({"label": "e\u0301"}, ["a"]),
    ({"label": ""}, ["d"]),
    ({"label": "no' OR 1=1 --"}, []),
    ({"quality": "poor"}, ["b"]),
    ({"quality": "none"}, ["d"]),
    ({"review": "keep"}, ["a"]),
    ({"review": "none"}, ["d", "b"]),
    ({"consent": "given"}, ["a"]),
    ({"consent": "unknown"}, ["d"]),
    ({"state": "withdrawn"}, ["b"]),
    ({"state": "erased"}, []),
    ({"since": "2026-01-31T12:00:20Z"}, ["d", "b"]),
    ({"until": "2026-01-31T12:00:20Z"}, ["a"]),
    ({"since": "2026-01-31T13:00:10+01:00", "until": "2026-01-31T12:00:40"}, ["b", "a"]),
    ({"participant": "u2"}, ["d"]),
    ({"study": "s1"}, ["a"]),
    ({"study": "s1", "prompt": "e"}, ["a"]),
    ({"study": "s1", "prompt": "n"}, []),
    ({"search": "NO u1"}, ["b"]),
    ({"search": "E\u0301"}, ["a"]),
    ({"search": "sess_FED"}, ["d"]),
    ({"search": "nod u2"}, []),
    ({"search": "%"}, []),
    ({"search": " "}, ["d", "b", "a"]),
    ({"user_id": "u1", "quality": "good", "review": "keep", "consent": "given", "state": "kept"}, ["a"]),
]


async def test_each_filter_narrows_the_list(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        _fill(library_of(tmp_path))
        for query, found in FILTERS:
            assert await ids(gateway, **query) == found, query
        (take,) = (await listed(gateway, study="s1"))["captures"]
        assert (take["study"], take["prompt"], take["resend_of"]) == ("s1", "e", "a0")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=501", "limit=many", "quality=best", "review=", "consent=maybe", "state=lost", "since=today",
        "user_id=..%2Fx", "session_id=x", "strange=1", "user_id=a&user_id=b", "label=" + "x" * 257,
        "cursor=" + "x" * 5000,
    ],
)  # fmt: skip
async def test_a_parameter_that_breaks_its_rule_is_422(tmp_path: Path, query: str) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        assert_refused(await gateway.client.get(f"/library/captures?{query}"), 422, "schema_error")


async def test_pages_are_stable_while_captures_are_recorded(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        library = library_of(tmp_path)
        # several at the same time, so that the order is by their ids too
        library.append(*(line_bytes(recorded(f"c{number:02}", number), number // 4) for number in range(23)))
        seen: list[str] = []
        cursor, pages = None, 0
        while pages == 0 or cursor is not None:
            page = await listed(gateway, limit=5 + pages, **({"cursor": cursor} if cursor else {}))
            seen += [capture["capture_id"] for capture in page["captures"]]
            cursor, pages = page["next"], pages + 1
            library.append(line_bytes(recorded(f"new-{pages}", 100 + pages), 1000 + pages))
            assert page["total"] == 22 + pages
        assert seen == [f"c{number:02}" for number in reversed(range(23))]
        assert pages > 2


async def test_a_cursor_of_another_list_or_none_is_400(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        _fill(library_of(tmp_path))
        cursor = (await listed(gateway, limit=1))["next"]
        for query in (
            {"cursor": cursor, "user_id": "u1"},
            {"cursor": cursor[:-4]},
            {"cursor": "x"},
            {"cursor": ""},
            {"cursor": "é"},
            {"cursor": "WzEsMiwzLDQsNV0"},
            {"cursor": "bnVsbA"},
        ):
            assert_refused(await gateway.client.get("/library/captures", params=query), 400, "invalid_cursor")


async def test_the_summary_counts_by_every_value(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        _fill(library_of(tmp_path))
        summary = (await gateway.client.get("/library/summary")).json()
        LibrarySummary.model_validate(summary)
        assert summary == {
            "total": 3,
            "sessions": 2,
            "user": {"u1": 2, "u2": 1},
            "participant": {"u1": 2, "u2": 1},
            "label": {"": 1, "nod": 1, "é": 1},
            "quality": {"good": 1, "check": 0, "poor": 1, "none": 1},
            "review": {"keep": 1, "redo": 0, "reject": 0, "none": 2},
            "consent": {"given": 1, "refused": 0, "withdrawn": 1, "unknown": 1},
            "state": {"kept": 2, "withdrawn": 1, "erased": 0},
        }


STATEMENTS: list[tuple[str, dict[str, Any], str, Any]] = [
    ("review", {"verdict": "redo", "reason": "too dark"}, "review", "redo"),
    ("relabel", {"intent": "e\u0301"}, "label", "é"),
    ("reassign", {"participant": "p7"}, "participant", "p7"),
]


@pytest.mark.parametrize(("route", "fields", "name", "value"), STATEMENTS)
async def test_a_statement_is_a_line_of_the_log_and_counts_at_once(
    tmp_path: Path, route: str, fields: dict[str, Any], name: str, value: Any
) -> None:
    async with reaching(tmp_path) as gateway:
        library_of(tmp_path).append(start(), recorded())
        asked = _request("c", fields)
        answer = await gateway.post(f"/library/{route}", asked)
        assert answer.status_code == 201, answer.text
        gateway.user_id = USER
        line = gateway.lines(SESSION)[-1]
        assert answer.json() == {"record_id": asked["record_id"], "recorded_at": line["recorded_at"]}
        assert "by" not in line
        event = line["event"]
        assert event.pop("timestamp") <= line["recorded_at"]
        assert event == asked | {"schema_version": "1.0.1", "source": "library", "event": event["event"]}
        assert event["event"] in {"capture.reviewed", "capture.relabelled", "capture.reassigned"}
        capture = await one(gateway)
        assert capture[name] == value
        assert capture["history"][-1]["details"] == fields
        assert capture["history"][-1]["performer_id"] == "carer-1"


async def test_null_takes_a_verdict_and_a_label_back(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        library_of(tmp_path).append(recorded(annotation={"intent": "nod"}))
        for route, name, values, last in (
            ("review", "verdict", ["keep", None], ("review", None)),
            ("relabel", "intent", ["wave", None], ("label", "nod")),
        ):
            for value in values:
                answer = await gateway.post(f"/library/{route}", _request("c", {name: value}))
                assert answer.status_code == 201, answer.text
            capture = await one(gateway)
            assert capture[last[0]] == last[1]
            assert capture["history"][-1]["details"] == {}


async def test_a_statement_counts_at_once_even_if_no_pass_has_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reaching(tmp_path) as gateway:
        library_of(tmp_path).append(recorded())
        assert await ids(gateway) == ["c"]
        monkeypatch.setattr(library_module, "FRESH_S", 0.0)
        assert (await gateway.post("/library/review", review())).status_code == 201
        assert await ids(gateway, review="keep") == ["c"]


@pytest.mark.parametrize("timestamp", [..., "2026-02-01T10:00:00Z"])
async def test_a_repeat_gets_the_first_answer_and_adds_nothing(tmp_path: Path, timestamp: Any) -> None:
    async with reaching(tmp_path) as gateway:
        gateway.user_id = USER
        library = library_of(tmp_path)
        library.append(recorded())
        asked = review(timestamp=timestamp)
        answers = [await gateway.post("/library/review", asked)]
        answers.append(await gateway.post("/library/review", asked | {"record_id": asked["record_id"].upper()}))
        other = await gateway.post("/library/review", review(verdict="redo"))
        library.append(erased())
        answers.append(await gateway.post("/library/review", asked))
        assert [answer.status_code for answer in (*answers, other)] == [201] * 4
        assert len({answer.json()["recorded_at"] for answer in answers}) == 1
        assert [line["event"].get("verdict") for line in gateway.lines(SESSION)] == [None, "keep", "redo", None]
        assert (await one(gateway))["review"] == "redo"


async def test_repeats_at_the_same_moment_count_once(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        library_of(tmp_path).append(recorded())
        asked = review()
        answers = await asyncio.gather(*(gateway.post("/library/review", asked) for _ in range(5)))
        assert {answer.status_code for answer in answers} == {201}
        assert [entry["event"] for entry in (await one(gateway))["history"]] == ["capture.recorded", "capture.reviewed"]


async def test_an_erased_capture_is_409(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        library_of(tmp_path).append(recorded(), said("consent.withdrawn"))
        assert (await gateway.post("/library/review", review())).status_code == 201  # withdrawn, and still there
        library_of(tmp_path).append(erased())
        for route, fields, _, _ in STATEMENTS:
            assert_refused(await gateway.post(f"/library/{route}", _request("c", fields)), 409, "capture_erased")


@pytest.mark.parametrize(
    "changes",
    [{"capture_id": "other"}, {"user_id": "u2"}, {"session_id": "sess_fedcba9876543210"}],
    ids=lambda changes: next(iter(changes)),
)
async def test_an_unknown_capture_or_another_person_s_is_404(tmp_path: Path, changes: dict[str, Any]) -> None:
    async with reaching(tmp_path) as gateway:
        library_of(tmp_path).append(recorded())
        assert_refused(await gateway.post("/library/review", review(**changes)), 404, "unknown_capture")
        assert gateway.recorder.seen == 0


async def test_a_capture_that_is_aborted_or_not_recorded_yet_is_409(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        library_of(tmp_path).append(start())
        for capture_id, outcome, code in (("open", "", "not_recorded"), ("gone", "aborted", "capture_aborted")):
            await _put_record(gateway, capture_id, outcome)
            assert_refused(await gateway.post("/library/review", review(capture_id)), 409, code)
            assert_refused(
                await gateway.post("/library/review", review(capture_id, user_id="u2")), 404, "unknown_capture"
            )


async def _put_record(gateway: Reached, capture_id: str, outcome: str) -> None:
    fields = {
        "capture_id": capture_id, "user_id": USER, "session_id": SESSION, "record_id": record_id(1),
        "outcome": outcome, "error_code": "protocol_violation" if outcome else "",
    }  # fmt: skip
    await gateway.state.events.hset(keys.capture_record(capture_id), mapping=fields)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"performer_id": ...}, 400, "missing_performer_id"),
        ({"user_id": None}, 400, "missing_user_id"),
        ({"session_id": ...}, 400, "missing_session_id"),
        ({"record_id": ...}, 422, "schema_error"),
        ({"record_id": "1"}, 422, "schema_error"),
        ({"capture_id": "../x"}, 422, "schema_error"),
        ({"verdict": "perfect"}, 422, "schema_error"),
        ({"verdict": ...}, 422, "schema_error"),
        ({"reason": "x" * 1001}, 422, "schema_error"),
        ({"strange": 1}, 422, "schema_error"),
        ({"timestamp": "now"}, 422, "schema_error"),
        ({"schema_version": "2.0.0"}, 422, "schema_error"),
    ],
)
async def test_a_request_that_breaks_its_schema_is_refused(
    tmp_path: Path, changes: dict[str, Any], status: int, code: str
) -> None:
    async with reaching(tmp_path) as gateway:
        library_of(tmp_path).append(recorded())
        assert_refused(await gateway.post("/library/review", review(**changes)), status, code)
        assert gateway.recorder.seen == 0


@pytest.mark.parametrize("intent", ["", " \t", "x" * 257, ..., 5])
async def test_a_label_is_a_name(tmp_path: Path, intent: Any) -> None:
    async with reaching(tmp_path) as gateway:
        library_of(tmp_path).append(recorded())
        answer = await gateway.post("/library/relabel", _request("c", {"intent": intent}))
        assert_refused(answer, 422, "schema_error")


async def test_what_a_client_appends_with_the_library_s_names_is_kept_and_not_heeded(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        library_of(tmp_path).append(start(consent_given=True), recorded())
        for event in (
            said("capture.reviewed", 1, capture_id="c", verdict="reject"),
            said("consent.withdrawn", 2),
            erased(),
            {**recorded("evil", 9)},
        ):
            assert (await gateway.post("/schema-recorder/append", event)).status_code == 201
        assert await ids(gateway) == ["c"]
        capture = await one(gateway)
        assert (capture["review"], capture["consent"], capture["state"]) == (None, "given", "kept")
        refusal = said("note", 3, source="note_taker", consent_given=False)
        assert (await gateway.post("/schema-recorder/append", refusal)).status_code == 201
        assert (await one(gateway))["consent"] == "refused"


async def test_no_recorder_is_503(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contracts.state.events.await_receipt.__defaults__", (0.05,))
    async with reaching(tmp_path, recorder=False) as gateway:
        library_of(tmp_path).append(recorded())
        answer = await gateway.post("/library/review", review())
        assert_refused(answer, 503, "recorder_unavailable")


async def test_what_the_recorder_refuses_is_refused(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        library_of(tmp_path).append(recorded())
        gateway.recorder.refuse = Receipt(error="missing_session_path", detail="the session's directory is missing")
        assert_refused(await gateway.post("/library/review", review()), 409, "missing_session_path")


async def test_the_token_guards_every_route(tmp_path: Path) -> None:
    async with reaching(tmp_path, api_token=SecretStr("s3cret")) as gateway:
        for path in ("/library/captures", "/library/captures/c", "/library/summary"):
            assert_refused(await gateway.client.get(path), 401, "token_required")
            answer = await gateway.client.get(path, headers={"authorization": "Bearer s3cret"})
            assert answer.status_code in (200, 404)
        for route, fields, _, _ in STATEMENTS:
            assert_refused(await gateway.post(f"/library/{route}", _request("c", fields)), 401, "token_required")


async def test_another_origin_says_nothing(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        library_of(tmp_path).append(recorded())
        answer = await gateway.post("/library/review", review(), headers={"origin": "https://elsewhere.example"})
        assert_refused(answer, 403, "origin_not_allowed")


async def test_a_catalog_that_cannot_be_written_is_503_and_comes_back(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.write_text("no folder")
    async with reaching(tmp_path) as gateway:
        library = Library.__new__(Library)
        library.log_root = tmp_path / "logs"
        library.append(recorded())
        for answer in (await gateway.client.get("/library/captures"), await gateway.post("/library/review", review())):
            assert_refused(answer, 503, "library_unavailable")
        state.unlink()
        assert await ids(gateway) == ["c"]


async def test_damage_that_only_a_reader_meets_is_repaired(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        library_of(tmp_path).append(*(recorded(f"c{number}", number) for number in range(200)))
        ours = gateway.app.state.library
        assert (await listed(gateway))["total"] == 200
        ours._writer.submit(ours._catalog.close).result()
        damage_rows(newest_database(ours.folder))
        assert_refused(await gateway.client.get("/library/captures"), 503, "library_not_ready")
        assert (await listed(gateway))["total"] == 200


async def test_a_list_is_never_that_of_a_file_that_is_being_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        library_of(tmp_path).append(recorded())
        assert await ids(gateway) == ["c"]
        ours = gateway.app.state.library
        ours._writer.submit(ours._catalog.close).result()
        for path in ours.folder.iterdir():
            path.unlink()
        steps = ours._step_through

        async def never_ends(turns: Any) -> None:
            await steps(itertools.islice(turns, 1))
            await asyncio.Event().wait()

        monkeypatch.setattr(ours, "_step_through", never_ends)
        monkeypatch.setattr(library_module, "FIRST_S", 0.05)
        monkeypatch.setattr(library_module, "FRESH_S", 0.05)
        assert_refused(await gateway.client.get("/library/captures"), 503, "library_not_ready")


async def test_lists_wait_for_the_first_pass_and_not_for_later_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library_module, "FIRST_S", 0.05)
    monkeypatch.setattr(library_module, "FRESH_S", 0.05)
    async with reaching(tmp_path, recorder=False) as gateway:
        library_of(tmp_path).append(recorded())
        ours = gateway.app.state.library
        going_on = asyncio.Event()
        steps = ours._step_through

        async def slow(turns: Any) -> None:
            await going_on.wait()
            await steps(turns)

        monkeypatch.setattr(ours, "_step_through", slow)
        answer = await gateway.client.get("/library/captures")
        assert_refused(answer, 503, "library_not_ready")
        assert answer.headers["retry-after"] == "1"
        going_on.set()
        monkeypatch.setattr(library_module, "FIRST_S", 60.0)
        assert await ids(gateway) == ["c"]
        going_on.clear()
        assert await ids(gateway) == ["c"]  # after FRESH_S, from what is there
        going_on.set()


async def test_requests_share_a_pass_that_began_after_they_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        ours = gateway.app.state.library
        passes = 0
        turns = ours._catalog.turns

        def counted() -> Any:
            nonlocal passes
            passes += 1
            return turns()

        monkeypatch.setattr(ours._catalog, "turns", counted)
        await asyncio.gather(*(listed(gateway) for _ in range(50)))
        assert 1 <= passes <= 10


async def test_the_background_follows_the_logs_and_outlives_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library_module, "PASS_S", 0.01)
    async with reaching(tmp_path, recorder=False) as gateway:
        library = library_of(tmp_path)
        ours = gateway.app.state.library
        errors: list[Exception] = []
        fails = True
        turns = ours._catalog.turns

        def failing() -> Any:
            if fails:
                raise RuntimeError("a fault")
            return turns()

        monkeypatch.setattr(ours._catalog, "turns", failing)
        running = asyncio.create_task(ours.run(errors.append))
        while not errors:
            await asyncio.sleep(0.01)
        fails = False
        library.append(recorded())
        while not _has_rows(library):
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.wait({running})
        assert isinstance(errors[0], RuntimeError)


def _has_rows(library: Library) -> bool:
    try:
        return bool(library.page()["total"])
    except sqlite3.Error:
        return False
