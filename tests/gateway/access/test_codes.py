"""One-time codes: each gives one device a token, once, and the token ends with its entry."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from contracts.broker import keys
from contracts.process import tokens
from contracts.rules.rights import hash_token
from contracts.rules.sign_in import code_id, seal_token, token_of
from scripts.commands.access_text import with_signed_in
from tests.gateway.access.test_table import access_text, with_access
from tests.gateway.reached import Reached, assert_refused

CODE = "A" * 22
SECRET = bytes(range(32))
TOKEN = token_of(SECRET)


async def offer(gateway: Reached) -> None:
    name = code_id(CODE)
    assert name is not None
    await gateway.state.events.set(keys.sign_in_code(name), seal_token(SECRET, CODE))


async def send(gateway: Reached, code: object = CODE) -> httpx.Response:
    return await gateway.post("/access/code", {"code": code})


async def who(gateway: Reached) -> httpx.Response:
    return await gateway.client.get("/access/me", headers={"Authorization": f"Bearer {TOKEN}"})


def signed_in(folder: Path) -> None:
    (folder / "access.toml").write_text(with_signed_in(access_text(), "my-record", [hash_token(TOKEN)]))


async def test_of_several_requests_at_once_one_gets_the_token_which_has_the_entry_s_rights(tmp_path: Path) -> None:
    async with with_access(tmp_path) as gateway:
        signed_in(tmp_path)
        await offer(gateway)
        with capture_logs() as lines:
            answers = await asyncio.gather(*(send(gateway) for _ in range(8)))
        assert sorted(answer.status_code for answer in answers) == [200] + [404] * 7
        given = next(answer for answer in answers if answer.status_code == 200)
        assert given.json() == {"token": TOKEN} and given.headers["cache-control"] == "no-store"
        assert [line["entry"] for line in lines if line["event"] == "signed in with a code"] == ["my-record"]
        assert CODE not in str(lines) and TOKEN not in str(lines)
        assert (await who(gateway)).json()["role"] == "record"
        (tmp_path / "access.toml").write_text(access_text())
        assert_refused(await who(gateway), 401, "token_required")


async def test_a_code_whose_entry_is_gone_and_what_is_no_code_give_nothing(tmp_path: Path) -> None:
    async with with_access(tmp_path) as gateway:
        await offer(gateway)
        assert_refused(await send(gateway), 404, "unknown_code")
        name = code_id(CODE)
        assert name is not None
        for value in (b"", b"x" * 31):
            await gateway.state.events.set(keys.sign_in_code(name), value)
            assert_refused(await send(gateway), 404, "unknown_code")
        await gateway.state.events.rpush(keys.sign_in_code(name), b"x")  # type: ignore[misc]
        assert_refused(await send(gateway), 404, "unknown_code")
        for text in ("wrong", "*" * 22, "A" * 128):
            assert_refused(await send(gateway, text), 404, "unknown_code")
        assert (await send(gateway, 3)).status_code == 422


async def test_wrong_codes_count_as_wrong_tokens_of_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST_WRONG_TOKENS", 3)
    async with with_access(tmp_path) as gateway:
        signed_in(tmp_path)
        await offer(gateway)
        for _ in range(3):
            assert_refused(await send(gateway, "B" * 22), 404, "unknown_code")
        refused = await send(gateway)
        assert_refused(refused, 429, "too_many_failures")
        assert 0 < int(refused.headers["retry-after"]) <= 60
