"""Who has no token, another origin, or only somebody else's session gets nothing; what is too large is refused."""

from __future__ import annotations

import ast
import asyncio
import hmac
import inspect
import re
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.routing import Route, WebSocketRoute

from contracts import keys
from gateway import security
from gateway.security import OriginRule, TokenRule
from tests.attack.gateways import DEADLINE_S, SOCKET, Attacked, attacked
from tests.gateway.reached import assert_refused, reaching
from tests.messages import Client

TOKEN = "s3cret-token"
OPEN = {"/", "/livez", "/readyz"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(tmp_path_factory.mktemp("gateway"), api_token=SecretStr(TOKEN)) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway
        gateway.serves()


def ask(gateway: Attacked, head: bytes, *, then: bytes = b"") -> bytes:
    """What the gateway answers to these very bytes."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=DEADLINE_S) as connection:
        try:
            connection.sendall(head)
            connection.sendall(then)
        except OSError:
            pass  # it has heard enough; its answer is there
        answer = b""
        try:
            while not complete(answer) and (more := connection.recv(65536)):
                answer += more
        except ConnectionError:
            pass
        return answer


def complete(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head.lower())
    return length is not None and len(body) >= int(length[1])


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


# --- the token ------------------------------------------------------------------------------------------------


def test_no_route_but_the_open_ones_answers_without_the_token(tmp_path: Path) -> None:
    async def main() -> None:
        async with reaching(tmp_path, recorder=False, api_token=SecretStr(TOKEN)) as gateway:
            seen = set()
            for route in gateway.app.routes:
                assert isinstance(route, Route | WebSocketRoute)
                seen.add(route.path)
                for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
                    answer = await gateway.client.request(method, route.path.replace("{capture_id}", "x"))
                    expected_open = route.path in OPEN and method in ("GET", "HEAD")
                    assert (answer.status_code == 401) != expected_open, (method, route.path)
            assert seen > OPEN | {SOCKET, "/captures/{capture_id}", "/schema-recorder/append"}

    asyncio.run(main())


@pytest.mark.parametrize(
    "path",
    ["/demo/../captures/x", "/static/../captures/x", "/demo/%2e%2e/captures/x", "//captures/x", "/captures/x?/livez",
     "/captures/x;/livez", "/livez/../captures/x", "/livez%2f..%2fcaptures%2fx", "/LIVEZ", "/readyz/"],
)  # fmt: skip
def test_no_disguise_of_a_path_gets_past_the_token(guarded: Attacked, path: str) -> None:
    answer = ask(guarded, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert status(answer) in (401, 404), answer
    assert b"unknown_capture" not in answer


@pytest.mark.parametrize(
    "headers",
    ["", "Authorization: Bearer\r\n", "Authorization: Bearer \r\n", f"Authorization: {TOKEN}\r\n",
     f"Authorization: Bearer {TOKEN[:-1]}\r\n", f"Authorization: Bearer {TOKEN}{TOKEN}\r\n",
     f"Authorization: Basic {TOKEN}\r\n", f"Sec-WebSocket-Protocol: {TOKEN}\r\n",
     f"Sec-WebSocket-Protocol: bearer.{TOKEN}.\r\n",
     f"Cookie: token={TOKEN}\r\n", "Sec-WebSocket-Protocol: bearer.\xff\r\n", "Authorization: Bearer \xff\xfe\r\n"],
)  # fmt: skip
def test_no_handshake_without_the_whole_token(guarded: Attacked, headers: str) -> None:
    with guarded.raw(f"{SOCKET}?token={TOKEN}", headers) as one:
        assert one.status in (400, 401)  # 400: it is no header
    assert guarded.state.open_sockets == 0
    with guarded.raw(headers=f"Sec-WebSocket-Protocol: bearer.{TOKEN}\r\n") as one:
        assert one.status == 101


@given(offered=st.text(max_size=40) | st.sampled_from([TOKEN, TOKEN + "\0", TOKEN.upper(), " " + TOKEN]))
def test_nothing_but_the_token_is_the_token(offered: str) -> None:
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
    assert compared == [(text.encode(), TOKEN.encode()) for text in wrong * 2], "every one, and by nothing else"
    for node in ast.walk(ast.parse(inspect.getsource(security))):
        if isinstance(node, ast.Compare) and {"expected", "token"} & set(re.findall(r"\w+", ast.unparse(node))):
            assert ast.unparse(node) == "self.token is None", f"line {node.lineno} compares the token"


# --- origins ----------------------------------------------------------------------------------------------------


ORIGINS = [
    "https://evil.example", "http://127.0.0.1.evil.example:{port}", "http://127.0.0.1:{port}@evil.example", "null",
    "http://evil.example:{port}", "http://127.0.0.1", "http://127.0.0.1:{port}.evil.example", "file://", "",
    "http://127.0.0.1:{port}, https://evil.example",
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
def test_an_origin_is_admitted_only_if_it_is_our_host_or_allowed(origin: str, host: str) -> None:
    rule = OriginRule(frozenset({"https://a3cp.example"}), local=True)
    if rule.admits(origin, host):
        assert origin.lower() == "https://a3cp.example" or host.split(":")[0].strip("[]").lower() in origin.lower()


# --- other people's sessions and captures ------------------------------------------------------------------------


def test_a_capture_in_another_users_session_is_refused_and_leaves_nothing(gateway: Attacked) -> None:
    mallory = Client(user_id="mallory", capture_id=str(uuid.uuid4()))  # SESSION is user-1's
    with gateway.raw() as one:
        one.text(mallory.open())
        assert one.closed() == (1000, "session_invalid")
    gateway.until_nothing_is_open()
    assert not [name for name in gateway.names() if mallory.capture_id in name or "mallory" in name]


def test_another_capture_of_the_same_name_does_not_touch_the_first(gateway: Attacked) -> None:
    mine = Client(capture_id=str(uuid.uuid4()))
    theirs = Client(capture_id=mine.capture_id, user_id="honest", session_id="sess_00000000000000aa")
    with gateway.raw() as first:
        first.text(mine.open())
        gateway.do(_until_open(gateway, mine.capture_id))
        with gateway.raw() as second:
            second.text(theirs.open())
            assert second.closed() == (1008, "duplicate_capture")
        record = gateway.do(gateway.state.events.hgetall(keys.capture_record(mine.capture_id)))
        assert record[b"user_id"] == b"user-1" and b"outcome" not in record
        first.text("end")
        assert first.closed()[0] == 1003
    gateway.until_nothing_is_open()


async def _until_open(gateway: Attacked, capture_id: str) -> None:
    while not await gateway.state.frames.exists(keys.capture_keys(capture_id).state):
        await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    "change", [{"user_id": "mallory"}, {"session_id": "sess_00000000000000aa"}, {"capture_id": "other"}]
)
def test_no_message_moves_an_open_capture_to_somebody_else(gateway: Attacked, change: dict[str, Any]) -> None:
    client = Client(capture_id=str(uuid.uuid4()))
    with gateway.raw() as one:
        one.text(client.open())
        one.text(client.meta(1, **change))
        assert one.closed() == (1000, "protocol_violation")
    gateway.until_nothing_is_open()


def test_ending_or_asking_for_another_users_session_tells_nothing_of_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with reaching(tmp_path) as gateway:
            session_id = (await gateway.start()).json()["session_id"]
            assert_refused(await gateway.end(session_id, user_id="mallory"), 400, "wrong_user")
            assert await gateway.status(session_id, "mallory") == "invalid"
            assert await gateway.status("sess_" + "0" * 16, "mallory") == "invalid", "the same as one that is unknown"
            assert await gateway.status(session_id) == "active"
            event = gateway.start_request(user_id="mallory", session_id=session_id, source="test")
            assert_refused(await gateway.post("/schema-recorder/append", event), 409, "missing_session_path")
            assert len(gateway.lines(session_id)) == 1, "the owner's log holds its start, and nothing else"

    asyncio.run(main())


# --- what is too large --------------------------------------------------------------------------------------------


HEAD = b"POST /schema-recorder/append HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    ("head", "then", "codes"),
    [
        (HEAD + b"X: " + b"y" * 100_000, b"", {431}),
        (HEAD + b"X: y\r\n" * 40_000, b"", {431}),
        (b"GET /" + b"a/" * 60_000, b"", {431}),
        (HEAD + b"Content-Length: 99999999999\r\n\r\n", b"", {413}),
        (HEAD + b"Content-Length: " + b"9" * 400 + b"\r\n\r\n", b"", {400, 413}),
        (HEAD + b"Content-Length: -1\r\n\r\n", b"", {400}),
        (HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", b"abcdef", {400}),
        (HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", b"0\r\n\r\n", {400}),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"f0000\r\n" + b"x" * 0xF0000 + b"\r\n", {413}),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"zz\r\n", {0, 400}),
        (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n", b"0\r\n\r\n", {400, 422, 501}),
        (HEAD + b"Content-Encoding: gzip\r\nConnection: close\r\nContent-Length: 4\r\n\r\n", b"\x1f\x8b\x08\0", {422}),
        (HEAD + b"Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n", b"", {413}),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), b"", {400}),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"", {400, 404, 405}),
        (b"\0" * 1000, b"", {400}),
    ],
)  # fmt: skip
def test_what_is_too_large_or_no_request_is_refused(
    gateway: Attacked, head: bytes, then: bytes, codes: set[int]
) -> None:
    answer = ask(gateway, head, then=then)
    assert status(answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")) in codes, answer[:300]
    assert b"Traceback" not in answer


@pytest.mark.parametrize("deep", [b"[" * 400_000, b'{"a":' * 100_000, b'{"a":[' * 2000 + b"]}" * 2000])
def test_a_deep_body_is_a_schema_error(gateway: Attacked, deep: bytes) -> None:
    head = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(deep)
    assert status(ask(gateway, head, then=deep)) in (413, 422)


@given(sent=st.binary(max_size=300), line=st.sampled_from([b"", b"GET /livez HTTP/1.1\r\n", HEAD]))
def test_any_bytes_are_answered_or_left(gateway: Attacked, sent: bytes, line: bytes) -> None:
    answer = ask_briefly(gateway, line + sent + b"\r\n\r\n")
    assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
    assert b"Traceback" not in answer and b"500" not in answer.split(b"\r\n")[0]


def ask_briefly(gateway: Attacked, sent: bytes) -> bytes:
    """Send, and say that no more comes."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=DEADLINE_S) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while more := connection.recv(65536):
                answer += more
        except ConnectionError:
            pass
        return answer
