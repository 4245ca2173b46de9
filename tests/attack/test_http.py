"""Requests that are too large, too many or invalid are refused, and the gateway keeps none of their bytes."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.attack.gateways import SOCKET, Attacked, attacked
from tests.attack.raw_http import ask, ask_briefly, status, taken_bytes


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway
        gateway.serves()


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
def test_a_request_that_is_too_large_or_invalid_is_refused(
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
def test_any_bytes_are_answered_or_the_connection_closes(gateway: Attacked, sent: bytes, line: bytes) -> None:
    answer = ask_briefly(gateway, line + sent + b"\r\n\r\n")
    assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
    assert b"Traceback" not in answer and b"500" not in answer.split(b"\r\n")[0]


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
ENDLESS = {
    "trailers": (CHUNKED + b"0\r\n", b"X: y\r\n" * 20_000),
    "a trailer": (CHUNKED + b"0\r\nX: ", b"y" * 100_000),
    "the extension of a chunk": (CHUNKED + b"2;", b"y" * 100_000),
    "the size of a chunk": (CHUNKED, b"0" * 100_000),
    "a head": (HEAD + b"X: ", b"y" * 100_000),
    "empty lines before a head": (b"", b"\r\n" * 50_000),
    "requests at once": (b"", b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" * 2000),
    "a body that was refused": (HEAD + b"Content-Length: 99999999999\r\n\r\n", b"y" * 1_000_000),
    "chunks of a body that was refused": (CHUNKED, b"1\r\n \r\n" * 20_000),
}
ON_THE_WAY_BYTES = 24 * 1024 * 1024
"""The bytes in the buffers of both sockets, which count as read."""


@pytest.mark.parametrize("name", list(ENDLESS))
def test_no_endless_input_is_read_without_end(gateway: Attacked, name: str) -> None:
    first, more = ENDLESS[name]
    assert taken_bytes(gateway, first, more, 2 * ON_THE_WAY_BYTES) < ON_THE_WAY_BYTES


def test_some_requests_at_once_are_answered_and_very_many_are_not(gateway: Attacked) -> None:
    one = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert ask_briefly(gateway, one * 15 + last, half_closed=False).count(b"HTTP/1.1 200 ") == 16
    answer = ask_briefly(gateway, one * 1000 + last, half_closed=False)
    assert answer.count(b"HTTP/1.1 ") < 50
    assert b"invalid_http" in answer


KEY, VERSION = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "Sec-WebSocket-Version: 13\r\n"
UPGRADE = "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
HANDSHAKE = f"GET {SOCKET} HTTP/1.1\r\n{UPGRADE}{KEY}{VERSION}"
NO_HANDSHAKES = {
    "no key": HANDSHAKE.replace(KEY, ""),
    "an invalid key": HANDSHAKE.replace(KEY, "Sec-WebSocket-Key: canary\r\n"),
    "another version": HANDSHAKE.replace("13", "8"),
    "another method": HANDSHAKE.replace("GET", "POST"),
    "a body": HANDSHAKE + "Content-Length: 9\r\n",
    "a body in chunks": HANDSHAKE + "Transfer-Encoding: chunked\r\n",
    "a long header": HANDSHAKE + f"X: {'y' * 9000}\r\n",
    "many headers": HANDSHAKE + "X: y\r\n" * 200,
    "a long address": HANDSHAKE.replace(SOCKET, f"{SOCKET}?{'y' * 9000}"),
}


@pytest.mark.parametrize("name", list(NO_HANDSHAKES))
def test_an_invalid_handshake_is_refused_in_the_one_form_and_closed(gateway: Attacked, name: str) -> None:
    answer = ask(gateway, f"{NO_HANDSHAKES[name]}\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert status(head) in (400, 405, 414, 431)
    assert set(orjson.loads(body)) == {"error", "detail"} and b"canary" not in answer
    gateway.until_nothing_is_open()


@pytest.mark.parametrize(
    "smuggling",
    ["Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "Transfer-Encoding : chunked",
     "Transfer-Encoding: xchunked", "Transfer-Encoding:\x0bchunked", "Transfer-Encoding: chunked, identity",
     "X: a\r\n Transfer-Encoding: chunked", "Transfer-Encoding: chunked\nContent-Length: 6", "Content-Length: +5",
     "Content-Length: 5, 5", "Content-Length: 0x5", "Content-Length: 5 6", "Content-Length: 5\r\nContent-Length: 5"],
)  # fmt: skip
def test_an_ambiguous_request_is_refused_and_the_bytes_after_it_are_not_read(gateway: Attacked, smuggling: str) -> None:
    hidden = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = ask_briefly(gateway, HEAD + smuggling.encode() + b"\r\n\r\n0\r\n\r\n" + hidden)
    assert answer.count(b"HTTP/1.1 ") == 1 and status(answer) == 400
