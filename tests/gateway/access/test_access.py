"""Tokens that are revoked or expire, failures that are limited, and who is signed in."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from pydantic import SecretStr

from contracts.process.access_uses import read_uses, uses_path
from contracts.process.settings import Settings
from contracts.process.tokens import MOST_OFFERED, MOST_WRONG_TOKENS, WINDOW_S
from contracts.rules.errors import ConfigurationError, RequestRefused
from contracts.rules.failure_limit import FailureLimit, address_group
from contracts.rules.rights import hash_token
from gateway.access import access as access_module
from gateway.access.access import MOST_REFUSALS, Access
from scripts.client.client import CaptureClient
from tests.gateway.access.test_table import API_TOKEN, TOKENS, access_text, with_access
from tests.gateway.access.walking import Walker, recorded_person
from tests.gateway.reached import assert_refused, reaching
from tests.support.gateway import served
from tests.support.waiting import until

NOW = datetime(2026, 6, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.s)


def accessed(folder: Path, clock: Clock) -> Access:
    file = folder / "access.toml"
    file.write_text(
        f'[ana]\nrole = "record"\nusers = ["ana"]\nexpires = 2026-06-01T01:00:00Z\ntoken = "{hash_token("a3cp_1")}"\n'
    )
    settings = Settings(access_file=file, api_token=SecretStr("operator"))
    return Access(settings, now=clock.now, clock=clock)


def code_of(access: Access, token: str | None, peer: str = "192.0.2.1") -> str:
    """The name of the entry that is admitted, or the code of the refusal."""
    try:
        entry = access.admit([f"Bearer {token}"] if token is not None else [], [], peer)
    except RequestRefused as refused:
        return f"{refused.status} {refused.code} {refused.retry_after_s or ''}".strip()
    return entry.name if entry else ""


def test_a_token_opens_until_it_expires(tmp_path: Path) -> None:
    clock = Clock()
    access = accessed(tmp_path, clock)
    assert code_of(access, "a3cp_1") == "ana" and code_of(access, "operator") == "api-token"
    assert code_of(access, None) == code_of(access, "wrong") == "401 token_required"
    clock.s = 3600.0
    assert code_of(access, "a3cp_1") == "401 token_expired"


def test_without_a_token_and_a_file_every_request_is_admitted() -> None:
    assert Access(Settings()).admit([], [], "") is None


def test_an_address_that_guesses_has_to_wait_but_a_token_of_the_file_stays_valid(tmp_path: Path) -> None:
    clock = Clock()
    access = accessed(tmp_path, clock)
    for _ in range(MOST_WRONG_TOKENS):
        assert code_of(access, "wrong") == "401 token_required"
    clock.s = 10.0
    assert code_of(access, "wrong") == code_of(access, "operator") == "429 too_many_failures 50"
    assert code_of(access, "a3cp_1") == "ana"
    assert code_of(access, None) == "401 token_required"
    assert code_of(access, "operator", "192.0.2.2") == "api-token"
    clock.s = WINDOW_S
    assert code_of(access, "operator") == "api-token"


def test_many_tokens_in_one_request_are_as_many_guesses(tmp_path: Path) -> None:
    access = accessed(tmp_path, Clock())
    guesses = [f"bearer.guess{number}" for number in range(1000)]
    with pytest.raises(RequestRefused, match="Send the server's token"):
        access.admit([], [*guesses, "bearer.operator"], "192.0.2.1")
    for _ in range(MOST_WRONG_TOKENS // MOST_OFFERED):
        with pytest.raises(RequestRefused):
            access.admit([], guesses, "192.0.2.1")
    assert code_of(access, "operator") == "429 too_many_failures 60"


def test_an_entry_that_asks_for_what_it_may_not_have_has_to_wait(tmp_path: Path) -> None:
    clock = Clock()
    access = accessed(tmp_path, clock)
    entry = access.admit(["Bearer a3cp_1"], [], "")
    for _ in range(MOST_REFUSALS):
        assert code_of(access, "a3cp_1") == "ana"
        access.note_refusal(entry)
    assert code_of(access, "a3cp_1") == "429 too_many_failures 60"
    operator = access.admit(["Bearer operator"], [], "")
    for _ in range(MOST_REFUSALS + 1):
        access.note_refusal(operator)
    assert code_of(access, "operator") == "api-token"
    clock.s = WINDOW_S
    assert code_of(access, "a3cp_1") == "ana"


def test_a_limit_forgets_the_oldest_key_for_another() -> None:
    limit = FailureLimit(2, 60.0)
    assert [limit.note("first", 0.0), limit.note("first", 0.0), limit.wait_s("first", 0.5)] == [False, True, 60]
    for number in range(10_000):
        limit.note(str(number), 1.0)
    assert limit.wait_s("first", 1.0) == 0 and len(limit._counts) == 10_000


def test_all_addresses_of_an_ipv6_network_are_one_client() -> None:
    assert address_group("2001:db8::1") == address_group("2001:db8::ffff") != address_group("2001:db8:0:1::1")
    assert address_group("192.0.2.1") == address_group("::ffff:192.0.2.1") == "192.0.2.1"
    assert address_group("") == address_group("unknown") == ""


async def test_many_tries_are_429_with_the_time_to_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_module, "MOST_REFUSALS", 3)
    async with with_access(tmp_path) as gateway:
        headers = {"Authorization": f"Bearer {TOKENS['record']}"}
        for number in range(3):
            assert_refused(
                await gateway.client.get(f"/captures/guess-{number}", headers=headers), 404, "unknown_capture"
            )
        refused = await gateway.client.get("/captures/guess", headers=headers)
        assert_refused(refused, 429, "too_many_failures")
        assert 0 < int(refused.headers["retry-after"]) <= 60


async def test_who_is_signed_in(tmp_path: Path) -> None:
    async with with_access(tmp_path) as gateway:

        async def me(token: str) -> dict[str, object]:
            answer = await gateway.client.get("/access/me", headers={"Authorization": f"Bearer {token}"})
            assert answer.headers["cache-control"] == "no-store"
            document: dict[str, object] = answer.json()
            return document

        mine = await me(TOKENS["record"])
        assert str(mine.pop("expires_at")).endswith("Z")
        assert mine == {"name": "my-record", "role": "record", "user_ids": ["ana", "ben"]}
        operator = {"name": "api-token", "role": "operate", "user_ids": None, "expires_at": None}
        assert await me(API_TOKEN) == operator
        assert (await me(TOKENS["review"]))["user_ids"] is None
        assert_refused(await gateway.client.get("/access/me"), 401, "token_required")


async def test_the_client_asks_whose_token_it_has(tmp_path: Path) -> None:
    async with with_access(tmp_path, port=0) as gateway:
        server, task, port = await served(gateway.app, gateway.state)
        async with CaptureClient(f"http://127.0.0.1:{port}", TOKENS["record"]) as client:
            mine = await client.signed_in()
        assert (mine.name, mine.role, mine.user_ids) == ("my-record", "record", ["ana", "ben"])
        server.stop()
        await task


async def test_without_a_token_the_one_who_asks_may_do_everything(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        answer = (await gateway.client.get("/access/me")).json()
        assert answer == {"name": None, "role": "operate", "user_ids": None, "expires_at": None}


async def test_a_revoked_entry_is_refused_at_the_next_request(tmp_path: Path) -> None:
    async with with_access(tmp_path) as gateway:
        walker = Walker(gateway, TOKENS["record"])
        start = "/session_manager/sessions.start"
        assert (await walker.post(start, gateway.start_request(user_id="ben"))).status_code == 200
        (tmp_path / "access.toml").write_text(access_text(ana='["ana"]'))
        assert_refused(await walker.post(start, gateway.start_request(user_id="ben")), 404, "unknown_user")
        assert (await walker.post(start, gateway.start_request(user_id="ana"))).status_code == 200
        (tmp_path / "access.toml").write_text("")
        assert_refused(await walker.post(start, gateway.start_request(user_id="ana")), 401, "token_required")


@pytest.mark.parametrize(
    "after",
    ["", access_text(ana='["ben"]'), access_text().replace(hash_token(TOKENS["record"]), hash_token("a3cp_new"))],
)
@pytest.mark.parametrize("path", ["/camera_feed_worker/capture", "/ws/video/stream"])
async def test_open_sockets_of_an_entry_end_when_it_is_revoked_or_loses_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, after: str
) -> None:
    monkeypatch.setattr(access_module, "CHECK_S", 0.01)
    async with with_access(tmp_path) as gateway:
        ana = await recorded_person(gateway, API_TOKEN, "ana", upload=False)
        file = tmp_path / "access.toml"
        sent = await Walker(gateway, TOKENS["record"]).ended_by(path, ana, lambda: file.write_text(after) and None)
        closing, said = sent[-1], orjson.loads(sent[-2]["text"])
        if "camera" in path:
            assert (closing["code"], said["event"], said["error_code"]) == (1000, "capture.abort", "access_ended")
        else:
            assert (closing["code"], said["error"]) == (1008, "access_ended")
        assert closing["reason"] == "access_ended"


async def test_more_rights_end_no_socket(tmp_path: Path) -> None:
    clock = Clock()
    access = accessed(tmp_path, clock)
    entry = access.admit(["Bearer a3cp_1"], [], "")
    assert entry is not None
    file = tmp_path / "access.toml"
    file.write_text(file.read_text().replace('["ana"]', '["ana", "ben"]'))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await access.ended(entry)
    clock.s = 3600.0
    await access.ended(entry)


async def test_a_file_that_is_empty_for_a_moment_ends_no_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = accessed(tmp_path, Clock())
    entry = access.admit(["Bearer a3cp_1"], [], "")
    file = tmp_path / "access.toml"
    texts = iter([file.read_text(), "", ""])
    file.write_text("")

    async def written(_: float) -> None:
        file.write_text(next(texts))

    monkeypatch.setattr(access_module, "next_period", written)
    await access.ended(entry)
    assert list(texts) == []


def test_a_mistake_in_the_file_ends_the_start(tmp_path: Path) -> None:
    file = tmp_path / "access.toml"
    file.write_text("[x")
    with pytest.raises(ConfigurationError, match=r"A3CP_ACCESS_FILE: .*line 1"):
        Access(Settings(access_file=file))


async def test_the_last_use_of_an_entry_is_noted_in_the_state_folder_without_its_token(tmp_path: Path) -> None:
    path = uses_path(tmp_path / "state")
    async with with_access(tmp_path) as gateway:
        for token in (TOKENS["record"], API_TOKEN, "wrong"):
            await gateway.client.get("/access/me", headers={"Authorization": f"Bearer {token}"})

        async def is_noted() -> bool:
            return "my-record" in read_uses(path)

        await until(is_noted, "the use")
    assert list(read_uses(path)) == ["my-record"]
    assert TOKENS["record"].encode() not in path.read_bytes()
