"""The access table: every route and socket × role × own, another's or no person's data."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.routing import Route

from contracts.rules.rights import hash_token
from gateway.access.guard import guarded
from gateway.access.table import ACCESS_TABLE, AccessRow
from gateway.http.security import is_open
from gateway.library import library as library_module
from tests.gateway.access.walking import Person, Walker, comparable, recorded_person, verdict_of
from tests.gateway.reached import Reached, assert_refused, reaching
from tests.gateway.studies.test_table import PNG

README = Path(__file__).parents[3] / "gateway" / "README.md"
STUDY = 'title = "Care"\n[[prompts]]\nid = "drink"\ntext = "Drink"\npicture = "drink.png"\n'
API_TOKEN = "the-operators-token"
TOKENS = {"record": "a3cp_r", "review": "a3cp_v", "operate": "a3cp_o"}
EXPIRED = "a3cp_expired"


def access_text(*, ana: str = '["ana", "ben"]') -> str:
    until = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    made = ""
    for role, token in TOKENS.items():
        users = f"users = {ana}\n" if role == "record" else ""
        made += f'[my-{role}]\nrole = "{role}"\n{users}expires = {until}\ntoken = "{hash_token(token)}"\n'
    old = f'[old]\nrole = "operate"\nexpires = 2026-01-01T00:00:00Z\ntoken = "{hash_token(EXPIRED)}"\n'
    return made + old


@asynccontextmanager
async def with_access(folder: Path, **settings: Any) -> AsyncIterator[Reached]:
    file, studies = folder / "access.toml", folder / "studies"
    file.write_text(access_text())
    studies.mkdir()
    (studies / "care.toml").write_text(STUDY)
    (studies / "drink.png").write_bytes(PNG)
    async with reaching(
        folder, access_file=file, api_token=SecretStr(API_TOKEN), studies_dir=studies, **settings
    ) as gateway:
        gateway.state.refusal = ""
        gateway.app.state.brokers.missing = ()
        yield gateway


def documented_table() -> dict[tuple[str, str], list[str]]:
    """The table in the README: for each method and address, the answers to a recorder about its own person and about
    another, to a reviewer, to an operator."""
    section = README.read_text().partition("## Who may do what")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(GET|POST|WS) (\S+)` \| (.+) \|$", section, re.MULTILINE)
    return {(method, path): [cell.strip() for cell in cells.split("|")] for method, path, cells in rows}


ENDS = ("/session_manager/sessions.end", "/library/withdraw")
"""After these there is less of the person."""

GUARDED = [row for row in ACCESS_TABLE if row.right is not None]


async def test_every_route_has_one_row_and_every_row_has_a_route(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        routes = set()
        for route in gateway.app.routes:
            methods = (route.methods or set()) - {"HEAD"} if isinstance(route, Route) else {"WS"}
            routes |= {(method, route.path) for method in methods}  # type: ignore[attr-defined]
    assert sorted((row.method, row.path) for row in ACCESS_TABLE) == sorted(routes)
    assert documented_table().keys() == {(row.method, row.path) for row in GUARDED}
    for row in ACCESS_TABLE:
        path = re.sub(r"\{\w+\}", "x", row.path)
        if row.method != "WS":
            assert is_open({"type": "http", "method": row.method, "path": path}) == (row.right is None), row


def test_a_route_without_a_row_makes_no_application() -> None:
    with pytest.raises(KeyError):
        guarded([Route("/new", lambda _: None, methods=["GET"])])
    with pytest.raises(KeyError):
        guarded([Route("/livez", lambda _: None, methods=["POST"])])


@pytest.mark.usefixtures("unlimited")
async def test_every_route_answers_each_role_as_the_table_says(tmp_path: Path) -> None:
    table = documented_table()
    async with with_access(tmp_path) as gateway:
        recorder, reviewer, operator = (Walker(gateway, TOKENS[role]) for role in TOKENS)
        ana, cleo = [await recorded_person(gateway, API_TOKEN, user_id) for user_id in ("ana", "cleo")]
        for row in GUARDED:
            own, other = ana, cleo
            if row.path in ENDS:
                own, other = [await recorded_person(gateway, API_TOKEN, user, upload=False) for user in ("ana", "cleo")]
            answers = [
                verdict_of(await recorder.send(row, own)),
                _about_others(row, await _of_another(recorder, row, other)),
                verdict_of(await reviewer.send(row, other)),
                verdict_of(await operator.send(row, other)),
            ]
            assert answers == table[row.method, row.path], (row.method, row.path)
            for token in (None, "wrong", EXPIRED):
                assert verdict_of(await Walker(gateway, token).send(row, own)) == "401", row


async def _of_another(recorder: Walker, row: AccessRow, other: Person) -> Any:
    """The answer about another person, which must be the one about a person who does not exist."""
    answer = await recorder.send(row, other)
    assert comparable(answer) == comparable(await recorder.send(row, Person.absent())) or row.owner in ("", "rows")
    return answer


def _about_others(row: AccessRow, answer: Any) -> str:
    if row.owner == "":
        return "–" if verdict_of(answer) != "403" else "403"
    if row.owner == "rows":
        assert b"cleo" not in answer.content and b"ana" in answer.content
        return "own rows"
    return verdict_of(answer)


BY_ID = [row for row in GUARDED if row.owner == "capture"]


@pytest.mark.parametrize("row", BY_ID, ids=lambda row: row.path)
async def test_another_capture_takes_the_same_steps_as_an_unknown_one(
    tmp_path: Path, row: AccessRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No clock: the same commands to the brokers and the same queries of the catalog, in the same order."""
    steps: list[str] = []
    for name in ("read", "read_now", "read_session", "glance", "catch_up"):
        original = getattr(library_module.Library, name)

        def noted(self: Any, *args: Any, _name: str = name, _original: Any = original, **options: Any) -> Any:
            steps.append(_name)
            return _original(self, *args, **options)

        monkeypatch.setattr(library_module.Library, name, noted)
    async with with_access(tmp_path) as gateway:
        cleo = await recorded_person(gateway, API_TOKEN, "cleo")
        for broker in (gateway.state.events, gateway.state.frames):
            send = broker.execute_command

            def spied(*words: Any, _send: Any = send, **options: Any) -> Any:
                if words[0] != "XREADGROUP":  # the recorder's
                    steps.append(str(words[0]))
                return _send(*words, **options)

            monkeypatch.setattr(broker, "execute_command", spied)
        taken = []
        for person in (cleo, Person.absent()):
            steps.clear()
            assert verdict_of(await Walker(gateway, TOKENS["record"]).send(row, person)) == "404"
            taken.append(list(steps))
        assert taken[0] == taken[1] and taken[0], taken


async def test_another_session_is_as_an_unknown_one_in_a_request_about_its_own_person(tmp_path: Path) -> None:
    async with with_access(tmp_path) as gateway:
        recorder = Walker(gateway, TOKENS["record"])
        cleo = await recorded_person(gateway, API_TOKEN, "cleo", upload=False)
        end, withdraw = "/session_manager/sessions.end", "/library/withdraw"
        for session_id in (cleo.session_id, "sess_" + "0" * 16):
            ended = await recorder.post(end, gateway.end_request(session_id, user_id="ana"))
            assert_refused(ended, 404, "unknown_session")
            asked = gateway.start_request(user_id="ana", session_id=session_id)
            assert_refused(await recorder.post(withdraw, asked), 404, "unknown_session")
            person = Person("ana", session_id, "c", "j")
            assert verdict_of(await recorder.send(_row("WS", "/camera_feed_worker/capture"), person)) == "hidden"
        capture = {**gateway.start_request(user_id="ana"), "capture_id": cleo.capture_id}
        assert_refused(await recorder.post(withdraw, capture), 404, "unknown_capture")
        operator = Walker(gateway, API_TOKEN)
        assert_refused(await operator.post(end, gateway.end_request(cleo.session_id, user_id="ana")), 400, "wrong_user")


def _row(method: str, path: str) -> AccessRow:
    return next(row for row in ACCESS_TABLE if (row.method, row.path) == (method, path))


async def test_a_reassigned_capture_is_the_one_of_the_person_whom_it_shows(tmp_path: Path) -> None:
    seen = [_row("GET", path) for path in ("/captures/{capture_id}", "/library/captures/{capture_id}")]
    seen.append(_row("GET", "/captures/{capture_id}/preview.png"))
    async with with_access(tmp_path) as gateway:
        recorder, reviewer = Walker(gateway, TOKENS["record"]), Walker(gateway, TOKENS["review"])
        cleo = await recorded_person(gateway, API_TOKEN, "cleo", upload=False)
        ana = await recorded_person(gateway, API_TOKEN, "ana", upload=False)
        for person, participant in ((cleo, "ana"), (ana, "cleo")):
            said = {"user_id": person.user_id, "session_id": person.session_id, "capture_id": person.capture_id}
            asked = {**said, "performer_id": "lab", "record_id": str(uuid.uuid4()), "participant": participant}
            assert (await reviewer.post("/library/reassign", asked)).status_code == 201
        assert [verdict_of(await recorder.send(row, cleo)) for row in seen] == ["200"] * 3
        assert [verdict_of(await recorder.send(row, ana)) for row in seen] == ["404"] * 3
        page = await recorder.send(_row("GET", "/library/captures"), ana)
        assert isinstance(page, httpx.Response)
        assert [each["capture_id"] for each in page.json()["captures"]] == [cleo.capture_id] and page.json()[
            "total"
        ] == 1


async def test_a_list_counts_and_pages_the_own_rows_only(tmp_path: Path) -> None:
    async with with_access(tmp_path) as gateway:
        for user_id in ("ana", "cleo", "ana", "cleo", "ben"):
            await recorded_person(gateway, API_TOKEN, user_id, upload=False)
        headers, users, cursor = {"Authorization": f"Bearer {TOKENS['record']}"}, [], None
        while True:
            query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
            page = (await gateway.client.get("/library/captures", params=query, headers=headers)).json()
            users += [each["user_id"] for each in page["captures"]]
            assert page["total"] == 3
            if (cursor := page["next"]) is None:
                break
        assert sorted(users) == ["ana", "ana", "ben"]
        other = await gateway.client.get("/library/captures", params={"user_id": "cleo"}, headers=headers)
        assert other.json() == {"captures": [], "next": None, "total": 0}
        summary = (await gateway.client.get("/library/summary", headers=headers)).json()
        assert (summary["total"], summary["sessions"], summary["user"]) == (3, 3, {"ana": 2, "ben": 1})
