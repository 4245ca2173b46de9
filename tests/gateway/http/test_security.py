"""Who may use the gateway: origins, the token, and the headers for browsers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from contracts.rules.access import TokenRule
from tests.gateway.reached import HOST, ORIGIN, Reached, assert_refused, reaching

TOKEN = "s3cret-token"
REBOUND = "rebind.evil.example:8000"
TICK = "/camera_feed_worker/capture.tick"
SOCKET = "/camera_feed_worker/capture"


@pytest.mark.parametrize(
    ("authorizations", "subprotocols", "admitted"),
    [
        ([f"Bearer {TOKEN}"], [], True),
        ([f"bearer  {TOKEN} "], [], True),
        ([], [f"bearer.{TOKEN}"], True),
        (["Bearer wrong"], ["other", f"bearer.{TOKEN}"], True),
        ([], [], False),
        (["Bearer "], [], False),
        ([TOKEN], [TOKEN], False),
        ([f"Basic {TOKEN}"], [], False),
        ([f"Bearer {TOKEN}x", "Bearer \xff"], [f"bearer.{TOKEN[:-1]}"], False),
    ],
)
def test_token_comes_as_bearer_or_as_subprotocol(
    authorizations: list[str], subprotocols: list[str], admitted: bool
) -> None:
    assert TokenRule(TOKEN).admits(authorizations, subprotocols) is admitted
    assert TokenRule(None).admits(authorizations, subprotocols)


async def handshake(
    gateway: Reached,
    headers: dict[str, str],
    subprotocols: list[str] | None = None,
    *,
    extension: bool = True,
    path: str = SOCKET,
    client: tuple[str, int] | None = None,
) -> list[dict[str, Any]]:
    """Open the capture socket, or the one at ``path``, and leave at once; returns what the gateway sent."""
    scope = {
        "type": "websocket",
        "path": path,
        "raw_path": path.encode(),
        "client": client,
        "scheme": "ws",
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "subprotocols": subprotocols or [],
        "extensions": {"websocket.http.response": {}} if extension else {},
    }
    incoming = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1001}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return incoming.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await gateway.app(scope, receive, send)
    return sent


async def test_foreign_origin_is_403_on_posts_and_on_handshakes(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False, host="0.0.0.0") as gateway:
        foreign = {"Origin": "https://evil.example"}
        assert_refused(await gateway.client.post(TICK, headers=foreign), 403, "origin_not_allowed")
        assert_refused(await gateway.client.post(TICK, headers={"Origin": "null"}), 403, "origin_not_allowed")
        twice = [("Origin", ORIGIN), ("Origin", "https://evil.example")]
        assert_refused(await gateway.client.post(TICK, headers=twice), 403, "origin_not_allowed")
        assert (await gateway.client.post(TICK, headers={"Origin": ORIGIN})).status_code == 200
        assert (await gateway.client.post(TICK)).status_code == 200
        assert (await gateway.client.get("/livez", headers=foreign)).status_code == 200
        [start, body] = await handshake(gateway, {**foreign, "Host": HOST})
        assert (start["type"], start["status"]) == ("websocket.http.response.start", 403)
        assert b"origin_not_allowed" in body["body"]
        accepted = await handshake(gateway, {"Origin": ORIGIN, "Host": HOST})
        assert accepted[0]["type"] == "websocket.accept"


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::", "192.168.1.2"])
async def test_a_page_whose_own_name_resolves_to_the_gateway_is_403_without_a_token(tmp_path: Path, host: str) -> None:
    async with reaching(tmp_path, recorder=False, host=host) as gateway:
        rebound = {"Host": REBOUND, "Origin": f"http://{REBOUND}"}
        for path in (TICK, "/session_manager/sessions.start", "/schema-recorder/append", "/video/submit"):
            assert_refused(await gateway.client.post(path, headers=rebound), 403, "origin_not_allowed")
        for path in ("/metrics", "/captures/x", "/health", "/pipelines"):
            assert_refused(await gateway.client.get(path, headers={"Host": REBOUND}), 403, "origin_not_allowed")
        [start, _] = await handshake(gateway, rebound)
        assert (start["type"], start["status"]) == ("websocket.http.response.start", 403)
        assert (await gateway.client.get("/livez", headers={"Host": REBOUND})).status_code == 200


async def test_with_a_token_a_public_name_is_the_same_host(tmp_path: Path) -> None:
    token = {"Authorization": f"Bearer {TOKEN}"}
    async with reaching(tmp_path, recorder=False, host="0.0.0.0", api_token=SecretStr(TOKEN)) as gateway:
        page = {"Host": "gateway.example", "Origin": "https://gateway.example"}
        assert (await gateway.client.post(TICK, headers={**page, **token})).status_code == 200
        assert_refused(await gateway.client.post(TICK, headers=page), 401, "token_required")
        assert (await gateway.client.get("/metrics", headers={**page, **token})).status_code == 200


async def test_allowed_origins_setting_admits_a_foreign_page(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False, allowed_origins="https://a.example, https://b.example/") as gateway:
        for origin, status in (("https://b.example", 200), ("https://c.example", 403)):
            assert (await gateway.client.post(TICK, headers={"Origin": origin})).status_code == status


async def test_with_a_token_everything_but_shells_and_probes_needs_it(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False, api_token=SecretStr(TOKEN)) as gateway:
        client = gateway.client
        for path in ("/health", "/captures/x", "/metrics", "/nowhere"):
            refused = await client.get(path)
            assert_refused(refused, 401, "token_required")
            assert refused.headers["www-authenticate"].startswith("Bearer")
        for path in (TICK, "/session_manager/sessions.start", "/schema-recorder/append", "/livez"):
            assert_refused(await client.post(path), 401, "token_required")
        for path in ("/", "/livez", "/readyz", "/live", "/upload", "/demo/session", "/static/app.js"):
            assert (await client.get(path)).status_code != 401
        assert (await client.post(TICK, headers={"Authorization": f"Bearer {TOKEN}"})).status_code == 200


async def test_handshake_without_the_token_is_401_and_the_subprotocol_is_echoed(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False, api_token=SecretStr(TOKEN)) as gateway:
        [start, _] = await handshake(gateway, {}, ["bearer.wrong"])
        assert (start["type"], start["status"]) == ("websocket.http.response.start", 401)
        [close] = await handshake(gateway, {}, extension=False)
        assert close == {"type": "websocket.close", "code": 1008, "reason": "token_required"}
        accepted = await handshake(gateway, {}, ["v1", f"bearer.{TOKEN}"])
        assert (accepted[0]["type"], accepted[0]["subprotocol"]) == ("websocket.accept", f"bearer.{TOKEN}")
        accepted = await handshake(gateway, {"Authorization": f"Bearer {TOKEN}"})
        assert (accepted[0]["type"], accepted[0].get("subprotocol")) == ("websocket.accept", None)


async def test_every_http_answer_has_the_security_headers(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False, api_token=SecretStr(TOKEN)) as gateway:
        for path in ("/", "/readyz", "/nowhere"):  # 200, 503, 401
            headers = (await gateway.client.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            policy = headers["content-security-policy"].split("; ")
            assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= set(policy)
            assert not [rule for rule in policy if "unsafe" in rule or "://" in rule or "*" in rule]
            assert headers["permissions-policy"].startswith("camera=(self), ")
            assert headers["cross-origin-opener-policy"] == "same-origin"
            assert headers["cross-origin-resource-policy"] == "same-origin"


async def test_a_page_of_an_allowed_origin_may_send_a_preflight_and_read_the_answer(tmp_path: Path) -> None:
    allowed, foreign = "https://a3cp.example", "https://evil.example"
    token = SecretStr(TOKEN)
    async with reaching(tmp_path, allowed_origins="https://A3CP.example:443/", api_token=token) as gateway:
        ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        answer = await gateway.client.options(TICK, headers={"Origin": allowed, **ask})
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == allowed
        private = {
            "Access-Control-Request-Private-Network": "true"
        }  # a public page requests a gateway in a private network
        answer = await gateway.client.options(TICK, headers={"Origin": allowed, **ask, **private})
        assert (answer.status_code, answer.headers["access-control-allow-private-network"]) == (200, "true")
        assert (await gateway.client.options(TICK, headers={"Origin": foreign, **ask})).status_code == 400
        mine = {"Origin": allowed, "Authorization": f"Bearer {TOKEN}"}
        answer = await gateway.client.post(TICK, headers=mine)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, allowed)
    async with reaching(tmp_path) as gateway:
        answer = await gateway.client.post(TICK)
        assert "access-control-allow-origin" not in answer.headers
