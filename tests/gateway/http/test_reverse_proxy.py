"""A gateway behind a reverse proxy: below a path, with the client's address from the proxy's headers."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from pydantic import SecretStr
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from contracts.process.tokens import MOST_WRONG_TOKENS
from contracts.rules.errors import ConfigurationError
from gateway.http.pages import SHELLS, WEB_APP
from tests.gateway.http.test_security import SOCKET, TICK, handshake
from tests.gateway.reached import HOST, Reached, assert_refused, reaching

TOKEN = "a-token-of-a-test"
PROXY, ELSEWHERE = "10.0.0.7", "192.0.2.1"
TRUSTED = "10.0.0.0/24, fd07::1"
GUESS = {"Authorization": "Bearer a-guess"}


@pytest.mark.parametrize("prefix", ["", "/tools/a3cp"])
async def test_every_page_is_there_whether_the_proxy_removes_the_path_or_not(tmp_path: Path, prefix: str) -> None:
    async with reaching(tmp_path, recorder=False, root_path="/tools/a3cp", api_token=SecretStr(TOKEN)) as gateway:
        for path in (*SHELLS, *WEB_APP, "/docs", "/docs/openapi.json", "/livez"):
            answer = await gateway.client.get(prefix + path)
            assert answer.status_code == 200, path
            for link in re.findall('(?:src|href)="([^#"]+)"', answer.text) if path in (*SHELLS, "/docs") else ():
                seen = urljoin(f"https://a3cp.example/tools/a3cp{path}", link)
                assert seen.startswith("https://a3cp.example/tools/a3cp/"), (path, link)
        lost = await gateway.client.get(f"{prefix}/no/such/page", headers={"Accept": "text/html"})
        assert (lost.status_code, 'src="../../static/' in lost.text) == (401, True)
        assert_refused(await gateway.client.get(f"{prefix}/metrics"), 401, "token_required")
        assert_refused(await gateway.client.get(f"{prefix}{SOCKET}", headers=bearer()), 426, "upgrade_required")
        assert (await gateway.client.post(prefix + TICK, headers=bearer())).status_code == 200
        accepted = await handshake(gateway, {"Host": HOST, **bearer()}, path=prefix + SOCKET)
        assert accepted[0]["type"] == "websocket.accept"
        refused = await handshake(gateway, {"Host": HOST}, path=prefix + SOCKET)
        assert refused[0]["status"] == 401


def bearer() -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}"}


async def test_the_path_without_its_slash_leads_to_the_first_page(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False, root_path="/a3cp/") as gateway:
        for asked, location in (("/a3cp", "/a3cp/"), ("/a3cp?study=x&user=%C3%A4", "/a3cp/?study=x&user=%C3%A4")):
            answer = await gateway.client.get(asked)
            assert (answer.status_code, answer.headers["location"]) == (308, location)
            assert "content-security-policy" in answer.headers
        for path in ("/a3cpx/livez", "/a3cp/a3cp/livez", "/A3CP/livez"):
            assert_refused(await gateway.client.get(path), 404, "not_found")
        assert (await handshake(gateway, {"Host": HOST}, path="/a3cp"))[0]["status"] == 404


async def test_the_documents_name_the_path(tmp_path: Path) -> None:
    for root_path, server in (("", "/"), ("/a3cp", "/a3cp")):
        async with reaching(tmp_path, recorder=False, root_path=root_path) as gateway:
            openapi = (await gateway.client.get("/docs/openapi.json")).json()
            asyncapi = (await gateway.client.get("/docs/asyncapi.json")).json()
        assert openapi["servers"][0]["url"] == server
        assert asyncapi["servers"]["gateway"].get("pathname", "") == root_path


@pytest.mark.parametrize("root_path", ["/library", "/library/a3cp", "/ws", "/docs", "/static"])
async def test_a_path_that_the_gateway_has_itself_is_refused(tmp_path: Path, root_path: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^A3CP_ROOT_PATH: the gateway itself has {root_path[:3]}"):
        async with reaching(tmp_path, recorder=False, root_path=root_path):
            pass


# --- the proxy's headers ----------------------------------------------------------------------------


@asynccontextmanager
async def seen_from(gateway: Reached, address: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose connection comes from this address."""
    transport = httpx.ASGITransport(gateway.app, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as client:
        yield client


async def test_a_client_cannot_escape_the_limit_by_a_header(tmp_path: Path) -> None:
    for trusted in ("", TRUSTED):
        async with (
            reaching(tmp_path, recorder=False, api_token=SecretStr(TOKEN), trusted_proxies=trusted) as gateway,
            seen_from(gateway, ELSEWHERE) as attacker,
        ):
            for number in range(MOST_WRONG_TOKENS):
                spoofed = {**GUESS, "X-Forwarded-For": f"198.51.100.{number}"}
                assert_refused(await attacker.get("/metrics", headers=spoofed), 401, "token_required")
            assert_refused(await attacker.get("/metrics", headers=spoofed), 429, "too_many_failures")


@pytest.mark.parametrize("proxies", [", 10.0.0.9", ""], ids=["two", "one"])
async def test_behind_a_trusted_proxy_each_client_has_its_own_limit(tmp_path: Path, proxies: str) -> None:
    async with (
        reaching(tmp_path, recorder=False, api_token=SecretStr(TOKEN), trusted_proxies=TRUSTED) as gateway,
        seen_from(gateway, PROXY) as proxy,
    ):

        async def guess(forwarded: str) -> httpx.Response:
            return await proxy.get("/metrics", headers={**GUESS, "X-Forwarded-For": forwarded + proxies})

        for number in range(MOST_WRONG_TOKENS):  # what a client sends comes before what the proxy appends
            assert (await guess(f"198.51.100.{number}, 203.0.113.5")).status_code == 401
        assert_refused(await guess("198.51.100.99, 203.0.113.5"), 429, "too_many_failures")
        assert_refused(await guess("203.0.113.5:4711"), 429, "too_many_failures")
        assert_refused(await guess("203.0.113.6"), 401, "token_required")
        assert_refused(await proxy.get("/metrics", headers=GUESS), 401, "token_required")


@pytest.mark.parametrize(
    ("peer", "scheme", "client", "host"),
    [
        (PROXY, "wss", "203.0.113.5", "a3cp.example"),
        ("fd07::1", "wss", "203.0.113.5", "a3cp.example"),
        (f"::ffff:{PROXY}", "wss", "203.0.113.5", "a3cp.example"),
        (ELSEWHERE, "ws", ELSEWHERE, "gateway.test"),
        ("10.0.1.7", "ws", "10.0.1.7", "gateway.test"),
    ],
)
async def test_scheme_host_and_address_of_a_socket(
    tmp_path: Path, peer: str, scheme: str, client: str, host: str
) -> None:
    seen: list[tuple[Any, ...]] = []

    async def endpoint(websocket: WebSocket) -> None:
        assert websocket.client is not None
        seen.append((websocket.url.scheme, websocket.client.host, websocket.headers.getlist("host")))
        await websocket.close()

    async with reaching(tmp_path, recorder=False, trusted_proxies=TRUSTED) as gateway:
        gateway.app.router.routes.append(WebSocketRoute("/probe", endpoint))
        forwarded = {
            "Host": "gateway.test",
            "X-Forwarded-For": "198.51.100.1, 203.0.113.5",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "a3cp.example",
        }
        await handshake(gateway, forwarded, path="/probe", client=(peer, 1))
    assert seen == [(scheme, client, [host])]


async def test_the_origin_of_a_page_is_compared_with_the_host_that_the_browser_asked(tmp_path: Path) -> None:
    settings = {"host": "0.0.0.0", "api_token": SecretStr(TOKEN), "trusted_proxies": TRUSTED}
    page = {"Host": "gateway:8000", "X-Forwarded-Host": "a3cp.example", "Origin": "https://a3cp.example", **bearer()}
    async with reaching(tmp_path, recorder=False, **settings) as gateway:
        async with seen_from(gateway, PROXY) as proxy:
            assert (await proxy.post(TICK, headers=page)).status_code == 200
            foreign = {**page, "Origin": "https://evil.example"}
            assert_refused(await proxy.post(TICK, headers=foreign), 403, "origin_not_allowed")
            plain = {**page, "Origin": "http://a3cp.example"}
            assert (await proxy.post(TICK, headers=plain)).status_code == 200
            encrypted = {**plain, "X-Forwarded-Proto": "https"}
            assert_refused(await proxy.post(TICK, headers=encrypted), 403, "origin_not_allowed")
            two = [*page.items(), ("X-Forwarded-Host", "evil.example")]
            assert_refused(await proxy.post(TICK, headers=two), 403, "origin_not_allowed")
        async with seen_from(gateway, ELSEWHERE) as client:
            assert_refused(await client.post(TICK, headers=page), 403, "origin_not_allowed")
