"""A client without the token, from a foreign origin, or with only another user's session gets no data."""

from __future__ import annotations

import ast
import hmac
import inspect
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.routing import Route, WebSocketRoute

from contracts.broker import keys
from contracts.rules import access
from contracts.rules.access import TokenRule, read_origin
from gateway.http import security
from gateway.http.origins import OriginRule
from tests.attack.gateways import SOCKET, Attacked, attacked
from tests.attack.raw_http import ask, status
from tests.gateway.reached import assert_refused, reaching
from tests.support.messages import Client
from tests.support.waiting import wait_until

TOKEN = "s3cret-token"
OPEN = {
    *("/", "/livez", "/readyz", "/demo/session", "/demo/gesture", "/live", "/upload", "/static/assets/{name}"),
    *("/worker.js", "/manifest.webmanifest", "/operate", "/authority.crt"),
    *("/record", "/library", "/library/capture/{capture_id}", "/library/person/{user_id}"),
    *("/docs", "/docs/openapi.json", "/docs/asyncapi.json"),
}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(tmp_path_factory.mktemp("gateway"), api_token=SecretStr(TOKEN), root_path="/a3cp") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway
        gateway.serves()


# --- the token ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("below", ["", "/a3cp"])
async def test_no_route_but_the_open_ones_answers_without_the_token(tmp_path: Path, below: str) -> None:
    async with reaching(tmp_path, recorder=False, api_token=SecretStr(TOKEN), root_path=below) as gateway:
        seen = set()
        for route in gateway.app.routes:
            assert isinstance(route, Route | WebSocketRoute)
            seen.add(route.path)
            for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
                answer = await gateway.client.request(method, below + route.path.replace("{capture_id}", "x"))
                expected_open = route.path in OPEN and method in ("GET", "HEAD")
                expected_open |= (method, route.path) == ("POST", "/access/code")  # it takes a code for a token
                assert (answer.status_code == 401) != expected_open, (method, route.path)
        assert seen > OPEN | {SOCKET, "/captures/{capture_id}", "/schema-recorder/append"}


@pytest.mark.parametrize(
    "path",
    ["/demo/../captures/x", "/static/../captures/x", "/demo/%2e%2e/captures/x", "//captures/x", "/captures/x?/livez",
     "/captures/x;/livez", "/livez/../captures/x", "/livez%2f..%2fcaptures%2fx", "/LIVEZ", "/readyz/",
     "/a3cp/captures/x", "/a3cp/../captures/x", "/a3cp//captures/x", "/a3cp%2fcaptures%2fx", "/a3cp/a3cp/livez"],
)  # fmt: skip
def test_no_spelling_of_a_path_gets_past_the_token(guarded: Attacked, path: str) -> None:
    answer = ask(guarded, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert status(answer) in (401, 404), answer
    assert b"unknown_capture" not in answer


@pytest.mark.parametrize(
    "headers",
    ["", "Authorization: Bearer\r\n", "Authorization: Bearer \r\n", f"Authorization: {TOKEN}\r\n",
     f"Authorization: Bearer {TOKEN[:-1]}\r\n", f"Authorization: Bearer {TOKEN}{TOKEN}\r\n",
     f"Authorization: Basic {TOKEN}\r\n", f"Sec-WebSocket-Protocol: {TOKEN}\r\n",
     f"Sec-WebSocket-Protocol: bearer.{TOKEN}.\r\n",
     f"Authorization: Bearer {TOKEN * 600}\r\n", f"Sec-WebSocket-Protocol: bearer.{'x' * 60_000}\r\n",
     "Sec-WebSocket-Protocol: " + "bearer.x, " * 700 + "a\r\n", "Authorization: Bearer x\r\n" * 100,
     f"Cookie: token={TOKEN}\r\n", "Sec-WebSocket-Protocol: bearer.\xff\r\n", "Authorization: Bearer \xff\xfe\r\n"],
)  # fmt: skip
def test_no_handshake_without_the_whole_token(guarded: Attacked, headers: str) -> None:
    with guarded.raw(f"{SOCKET}?token={TOKEN}", headers) as one:
        assert one.status in (400, 401, 431)  # 400: an invalid header; 431: a header that is too long
    assert guarded.state.open_sockets == 0
    with guarded.raw(headers=f"Sec-WebSocket-Protocol: bearer.{TOKEN}\r\n") as one:
        assert one.status == 101
        one.text("that is all")
        assert one.closed()[0] == 1003
    guarded.until_nothing_is_open()


@pytest.mark.parametrize("then", ["", f"Authorization: Bearer {TOKEN}\r\n"])
def test_a_token_in_a_trailer_is_ignored(guarded: Attacked, then: str) -> None:
    """A proxy that looks at headers does not look at trailers."""
    post = "POST /camera_feed_worker/capture.tick HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
    assert status(ask(guarded, f"{post}\r\n0\r\n{then}\r\n".encode())) == 401
    assert status(ask(guarded, f"{post}Authorization: Bearer {TOKEN}\r\n\r\n0\r\n{then}\r\n".encode())) == 200


@given(offered=st.text(max_size=40) | st.sampled_from([TOKEN, TOKEN + "\0", TOKEN.upper(), " " + TOKEN]))
def test_only_the_exact_token_is_accepted(offered: str) -> None:
    rule = TokenRule(TOKEN)
    assert rule.admits([f"Bearer {offered}"], []) == (offered.strip() == TOKEN)
    assert rule.admits([], [f"bearer.{offered}"]) == (offered == TOKEN)


def test_the_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(ours: bytes, theirs: bytes) -> bool:
        compared.append((ours, theirs))
        return False

    monkeypatch.setattr(hmac, "compare_digest", compare)
    wrong = [TOKEN, "s", "x" * len(TOKEN), TOKEN[:-1]]
    assert not TokenRule(TOKEN).admits([f"Bearer {text}" for text in wrong], [f"bearer.{text}" for text in wrong])
    assert compared == [(text.encode(), TOKEN.encode()) for text in wrong * 2], (
        "every token is compared in constant time"
    )
    sources = inspect.getsource(access) + inspect.getsource(security)
    for node in ast.walk(ast.parse(sources.replace("from __future__ import annotations", ""))):
        if isinstance(node, ast.Compare) and {"expected", "token"} & set(re.findall(r"\w+", ast.unparse(node))):
            assert ast.unparse(node) == "self.token is None", f"line {node.lineno} compares the token"


# --- origins ----------------------------------------------------------------------------------------------------


ORIGINS = [
    "https://evil.example", "http://127.0.0.1.evil.example:{port}", "http://127.0.0.1:{port}@evil.example", "null",
    "http://evil.example:{port}", "http://127.0.0.1", "http://127.0.0.1:{port}.evil.example", "file://", "",
    "http://127.0.0.1:{port}, https://evil.example", "http://127.0.0.1:{port}\r\nOrigin: https://evil.example",
]  # fmt: skip


@pytest.mark.parametrize("origin", ORIGINS)
def test_no_foreign_page_reaches_a_socket_or_a_post(gateway: Attacked, origin: str) -> None:
    line = f"Origin: {origin.format(port=gateway.port)}\r\n"
    with gateway.raw(headers=line) as one:
        assert one.status in (400, 403), one.head
    head = f"POST /camera_feed_worker/capture.tick HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\n{line}"
    assert status(ask(gateway, f"{head}Connection: close\r\nContent-Length: 0\r\n\r\n".encode())) in (400, 403)


@given(
    origin=st.text(max_size=40) | st.from_regex(r"https?://[a-z.:@\[\]0-9/\\#?]{0,20}", fullmatch=True),
    host=st.text(max_size=20),
)
def test_an_origin_is_admitted_only_if_it_is_the_same_host_or_allowed(origin: str, host: str) -> None:
    rule = OriginRule(frozenset({"https://a3cp.example"}), local=True)
    if rule.admits(origin, host):
        assert read_origin(origin) == "https://a3cp.example" or host.split(":")[0].strip("[]").lower() in origin.lower()


# --- sessions and captures of other users ------------------------------------------------------------------------


def test_a_capture_in_another_users_session_is_refused_and_leaves_nothing(gateway: Attacked) -> None:
    mallory = Client(user_id="mallory", capture_id=str(uuid.uuid4()))  # SESSION is user-1's
    with gateway.raw() as one:
        one.text(mallory.open())
        assert one.closed() == (1000, "session_invalid")
    gateway.until_nothing_is_open()
    assert not [name for name in gateway.names() if mallory.capture_id in name or "mallory" in name]


def test_another_capture_with_the_same_id_does_not_change_the_first(gateway: Attacked) -> None:
    mine = Client(capture_id=str(uuid.uuid4()))
    theirs = Client(capture_id=mine.capture_id, user_id="honest", session_id="sess_00000000000000aa")
    with gateway.raw() as first:
        first.text(mine.open())
        state = keys.capture_keys(mine.capture_id).state
        wait_until(lambda: gateway.do(gateway.state.frames.exists(state)), "the capture is open")
        with gateway.raw() as second:
            second.text(theirs.open())
            assert second.closed() == (1008, "duplicate_capture")
        record = gateway.do(gateway.state.events.hgetall(keys.capture_record(mine.capture_id)))
        assert record[b"user_id"] == b"user-1" and b"outcome" not in record
        first.text("end")
        assert first.closed()[0] == 1003
    gateway.until_nothing_is_open()


@pytest.mark.parametrize(
    "change", [{"user_id": "mallory"}, {"session_id": "sess_00000000000000aa"}, {"capture_id": "other"}]
)
def test_no_message_moves_an_open_capture_to_another_user(gateway: Attacked, change: dict[str, Any]) -> None:
    client = Client(capture_id=str(uuid.uuid4()))
    with gateway.raw() as one:
        one.text(client.open())
        one.text(client.meta(1, **change))
        assert one.closed() == (1000, "protocol_violation")
    gateway.until_nothing_is_open()


async def test_ending_or_validating_another_user_s_session_reveals_nothing_of_it(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        session_id = (await gateway.start()).json()["session_id"]
        assert_refused(await gateway.end(session_id, user_id="mallory"), 400, "wrong_user")
        assert await gateway.status(session_id, "mallory") == "invalid"
        assert await gateway.status("sess_" + "0" * 16, "mallory") == "invalid", (
            "the same answer as for an unknown session"
        )
        assert await gateway.status(session_id) == "active"
        event = gateway.start_request(user_id="mallory", session_id=session_id, source="test")
        assert_refused(await gateway.post("/schema-recorder/append", event), 409, "missing_session_path")
        first = gateway.start_request(user_id="mallory")
        assert (await gateway.post("/session_manager/sessions.start", first)).status_code == 200
        again = await gateway.post("/session_manager/sessions.start", first | {"user_id": gateway.user_id})
        assert again.json()["user_id"] == gateway.user_id, "the record_id of another user names another request"
        assert (await gateway.post("/schema-recorder/append", event)).status_code == 201, (
            "the session is in the folder of its own user"
        )
        assert len(gateway.lines(session_id)) == 1, "the owner's log holds its start, and nothing else"
