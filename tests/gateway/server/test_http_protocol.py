"""Every client can read the reason of a refusal, and the next request on its connection is answered correctly."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pytest

from gateway.server import http_protocol
from gateway.uploads import incoming_upload
from tests.attack.gateways import SESSION, Attacked, attacked
from tests.attack.raw_http import ask, ask_briefly, status
from tests.support.waiting import DEADLINE_S

TOKEN = "token-of-this-test"
TRIES = 10
APPEND, START, SUBMIT = "/schema-recorder/append", "/session_manager/sessions.start", "/video/submit"
FORM = {"Content-Type": "multipart/form-data; boundary=XX"}
FILE = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
VIDEO = b"\0\0\0\x18ftypmp42"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    room = mock.AsyncMock(return_value=0.1)
    folder = tmp_path_factory.mktemp("gateway")
    with (
        mock.patch.object(incoming_upload, "memory_share", room),
        attacked(folder, api_token=TOKEN, upload_max_bytes=8_000_000, upload_max_total_bytes=16_000_000) as gateway,
    ):
        yield gateway


@dataclass(frozen=True)
class Refused:
    """A request that is refused while its body is being sent."""

    status: int
    code: str
    path: str
    body: bytes
    headers: dict[str, str]


def field(name: str, value: str) -> bytes:
    return f'--XX\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


def upload(session_id: str) -> bytes:
    ids = {"user_id": "user-1", "record_id": "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "capture_id": "capture-1"}
    fields = b"".join(field(name, value) for name, value in {**ids, "session_id": session_id}.items())
    return fields + FILE + VIDEO + bytes(3_000_000)


AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
REFUSED = [
    Refused(413, "event_too_large", APPEND, bytes(600_000), AUTHORIZED),
    Refused(413, "event_too_large", APPEND, bytes(3_000_000), AUTHORIZED),
    Refused(413, "body_too_large", START, bytes(3_000_000), AUTHORIZED),
    Refused(413, "file_too_large", SUBMIT, FILE + VIDEO + bytes(20_000_000), AUTHORIZED | FORM),
    Refused(401, "token_required", APPEND, bytes(3_000_000), {}),
    Refused(401, "token_required", SUBMIT, bytes(6_000_000), FORM),
    Refused(403, "origin_not_allowed", SUBMIT, bytes(3_000_000), AUTHORIZED | {"Origin": "http://elsewhere.example"}),
    Refused(404, "not_found", "/nothing", bytes(3_000_000), AUTHORIZED),
    Refused(405, "method_not_allowed", "/livez", bytes(3_000_000), AUTHORIZED),
    Refused(415, "not_multipart", SUBMIT, bytes(3_000_000), AUTHORIZED),
    Refused(415, "not_a_video", SUBMIT, FILE + b"GIF89a" + bytes(3_000_000), AUTHORIZED | FORM),
    Refused(422, "schema_error", SUBMIT, b"no form" + bytes(3_000_000), AUTHORIZED | FORM),
    Refused(404, "unknown_session", SUBMIT, upload("sess_00000000000000ff"), AUTHORIZED | FORM),
]


def by_urllib(url: str, refused: Refused) -> tuple[int, Any]:
    """Send ``Connection: close`` and the whole body, and only then read."""
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.urlopen(urllib.request.Request(url, refused.body, refused.headers), timeout=300)
    return answer.value.code, json.load(answer.value)


def by_http_client(url: str, refused: Refused, **options: Any) -> tuple[int, Any]:
    """Keep the connection and send a second request, which must be answered correctly."""
    port = int(url.split(":")[2].split("/")[0])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    connection.request("POST", refused.path, refused.body, refused.headers, **options)
    answer = connection.getresponse()
    told = answer.status, json.load(answer)
    kept = connection.sock
    connection.request("GET", "/livez")
    assert json.load(connection.getresponse()) == {"status": "alive"}
    assert kept is None or connection.sock is kept
    connection.close()
    return told


def by_http_client_in_chunks(url: str, refused: Refused) -> tuple[int, Any]:
    pieces = [refused.body[begin : begin + 50_000] for begin in range(0, len(refused.body), 50_000)]
    return by_http_client(url, Refused(refused.status, refused.code, refused.path, iter(pieces), refused.headers))  # type: ignore[arg-type]


def by_httpx(url: str, refused: Refused) -> tuple[int, Any]:
    with httpx.Client(timeout=DEADLINE_S) as client:
        answer = client.post(url, content=refused.body, headers=refused.headers)
        assert client.get(url.replace(refused.path, "/livez")).json() == {"status": "alive"}
    return answer.status_code, answer.json()


def by_http_1_0(url: str, refused: Refused) -> tuple[int, Any]:
    port = int(url.split(":")[2].split("/")[0])
    lines = [f"POST {refused.path} HTTP/1.0", f"Content-Length: {len(refused.body)}"]
    lines += [f"{name}: {value}" for name, value in refused.headers.items()]
    with socket.create_connection(("127.0.0.1", port), timeout=300) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + refused.body)
        answer = b""
        while more := connection.recv(65536):
            answer += more
    return status(answer), json.loads(answer.partition(b"\r\n\r\n")[2])


CLIENTS: list[Callable[[str, Refused], tuple[int, Any]]] = [
    by_urllib,
    by_http_client,
    by_http_client_in_chunks,
    by_httpx,
    by_http_1_0,
]


@pytest.mark.parametrize("refused", REFUSED, ids=lambda refused: f"{refused.status} {refused.path} {len(refused.body)}")
@pytest.mark.parametrize("client", CLIENTS)
def test_every_client_reads_the_refusal(
    gateway: Attacked, client: Callable[[str, Refused], tuple[int, Any]], refused: Refused
) -> None:
    url = f"http://127.0.0.1:{gateway.port}{refused.path}"
    for _ in range(TRIES):
        told, answer = client(url, refused)
        assert (told, answer["error"]) == (refused.status, refused.code), answer


def test_a_video_is_refused_readably_while_the_brokers_are_away(gateway: Attacked) -> None:
    refused = Refused(503, "brokers_unready", SUBMIT, upload(SESSION), AUTHORIZED | FORM)
    gateway.state.refusal = "the brokers are away"
    try:
        for client in CLIENTS:
            told, answer = client(f"http://127.0.0.1:{gateway.port}{SUBMIT}", refused)
            assert (told, answer["error"]) == (503, "brokers_unready")
    finally:
        gateway.state.refusal = ""


HEAD = f"POST {APPEND} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n".encode()
NEXT = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (HEAD + b"Content-Length: -1\r\n\r\n", b"invalid_http"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nnot a size", b"invalid_http"),
        (HEAD + b"X: " + b"y" * 100_000, b"head_too_large"),
    ],
)
def test_the_sender_of_bytes_that_are_no_request_gets_the_reason(gateway: Attacked, head: bytes, code: bytes) -> None:
    for _ in range(TRIES):
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=300) as connection:
            connection.sendall(head + b"y" * 3_000_000)
            answer = b""
            while more := connection.recv(65536):
                answer += more
        assert answer.count(b"HTTP/1.1 ") == 1 and code in answer


def test_bytes_that_are_no_request_are_answered_after_the_requests_before_them(gateway: Attacked) -> None:
    good = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = ask_briefly(gateway, good * 2 + b"nonsense\r\n\r\n", half_closed=False)
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"200", b"200", b"400"]


def test_a_body_that_becomes_invalid_after_its_answer_gets_no_second_answer(gateway: Attacked) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=300) as connection:
        connection.sendall(b"POST /nothing HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
        answer = connection.recv(65536)
        connection.sendall(b"no chunk\r\n")
        while more := connection.recv(65536):
            answer += more
    assert status(answer) == 401 and answer.count(b"HTTP/1.1 ") == 1


def test_a_client_that_expects_continue_gets_a_refusal_instead(gateway: Attacked) -> None:
    """The connection ends too, because the next request would be read as the body."""
    answer = ask_briefly(gateway, HEAD + b"Expect: 100-continue\r\nContent-Length: 600000\r\n\r\n", half_closed=False)
    assert status(answer) == 413 and b"connection: close" in answer


def test_a_client_that_expects_continue_gets_100(gateway: Attacked) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=300) as connection:
        connection.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"{}" + NEXT)
        answer = b""
        while more := connection.recv(65536):
            answer += more
    assert status(answer) == 400 and b"missing_user_id" in answer and answer.endswith(b'{"status":"alive"}')


def test_http_1_0_gets_no_100_continue(gateway: Attacked) -> None:
    head = HEAD.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    assert status(ask(gateway, head, then=b"{}")) == 400


@pytest.mark.parametrize(
    "hosts", [b"", b"Host: a\r\nHost: b\r\n", b"Host: a\r\nHost: a\r\n", b"Host: a b\r\n", b"Host: a/b\r\n"]
)
def test_a_request_has_exactly_one_host(gateway: Attacked, hosts: bytes) -> None:
    answer = ask(gateway, b"GET /livez HTTP/1.1\r\n" + hosts + b"\r\n")
    assert status(answer) == 400 and b"invalid_http" in answer and b"Host" in answer


@pytest.mark.parametrize("host", [b"a", b"a:80", b"[::1]:8000", b"", b"xn--bcher-kva.example"])
def test_any_host_is_valid(gateway: Attacked, host: bytes) -> None:
    assert status(ask(gateway, b"GET /livez HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")) == 200


def test_http_1_0_needs_no_host(gateway: Attacked) -> None:
    assert status(ask(gateway, b"GET /livez HTTP/1.0\r\n\r\n")) == 200


# --- Upgrade -----------------------------------------------------------------------

H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
WISHES = {
    "h2c": H2C,
    "TLS": b"Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n",
    "two": b"Connection: Upgrade\r\nUpgrade: h2c, foo/2\r\n",
    "a list with WebSocket": b"Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n",
}
HIDDEN = b"GET /pipelines HTTP/1.1\r\nHost: x\r\n\r\n"
"""A body that would itself be a valid request."""


@pytest.mark.parametrize("wish", list(WISHES))
@pytest.mark.parametrize("apart", [False, True], ids=["in one packet", "the body in a later packet"])
def test_an_upgrade_to_another_protocol_is_ignored_and_the_body_is_read(
    gateway: Attacked, wish: str, apart: bool
) -> None:
    head = HEAD + WISHES[wish] + b"Content-Length: %d\r\n\r\n" % len(HIDDEN)
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=300) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in [head, HIDDEN[:20], HIDDEN[20:], NEXT] if apart else [head + HIDDEN + NEXT]:
            connection.sendall(piece)
        answer = b""
        while more := connection.recv(65536):
            answer += more
    assert status(answer) == 422 and answer.endswith(b'{"status":"alive"}')
    assert answer.count(b"HTTP/1.1 ") == 2, "one answer to one request"


@pytest.mark.parametrize("wish", list(WISHES))
def test_a_request_with_an_ignored_upgrade_may_have_a_chunked_body_and_requests_after_it(
    gateway: Attacked, wish: str
) -> None:
    chunked = HEAD + WISHES[wish] + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
    answer = ask_briefly(gateway, chunked * 3 + NEXT, half_closed=False)
    assert answer.count(b"missing_user_id") == 3 and answer.endswith(b'{"status":"alive"}')


def test_an_ambiguous_request_with_an_upgrade_is_refused_too(gateway: Attacked) -> None:
    both = HEAD + H2C + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    answer = ask_briefly(gateway, both + NEXT, half_closed=False)
    assert status(answer) == 400 and answer.count(b"HTTP/1.1 ") == 1


def test_an_upgrade_in_http_1_0_is_ignored(gateway: Attacked) -> None:
    head = b"GET /livez HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    assert status(ask(gateway, head)) == 200


@pytest.mark.parametrize("method", [b"CONNECT x:80", b"CONNECT a.example:443"])
def test_connect_is_refused(gateway: Attacked, method: bytes) -> None:
    answer = ask_briefly(gateway, method + b" HTTP/1.1\r\nHost: x\r\n\r\n" + NEXT, half_closed=False)
    assert status(answer) == 400 and answer.count(b"HTTP/1.1 ") == 1


def test_a_handshake_does_not_overtake_the_answers_before_it(gateway: Attacked) -> None:
    shake = b"GET /ws/video/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    answer = ask_briefly(gateway, HEAD + b"Content-Length: 2\r\n\r\n{}" + shake, half_closed=False)
    assert [status(b"HTTP" + part) for part in answer.split(b"HTTP")[1:]] == [400, 400]
    assert b"missing_user_id" in answer and answer.endswith(b'earlier answers before you send a handshake."}')


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_curl_that_offers_http_2_is_served(gateway: Attacked, tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.write_bytes(b"{" + b" " * 600_000)
    for body, code in [("{}", "missing_user_id"), (f"@{big}", "event_too_large")]:
        command = ["curl", "-sS", "--http2", "-H", f"Authorization: Bearer {TOKEN}", "--data-binary", body]
        answer = subprocess.run([*command, f"http://127.0.0.1:{gateway.port}{APPEND}"], capture_output=True, check=True)
        assert json.loads(answer.stdout)["error"] == code


def test_an_idle_connection_outlives_a_balancers_minute() -> None:
    assert http_protocol.KEEP_ALIVE_S > 60
