"""Nonsense through the real socket: every connection ends with a close code of the contract, and the gateway lives
on."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.rules.codes import CAPTURE_CODES
from tests.attack.gateways import CONTRACT_CLOSES, RFC_CLOSES, Attacked, attacked, frame
from tests.attack.hostile import HOSTILE
from tests.attack.test_hostile_jpegs import damage, damaged
from tests.support.messages import Client, jpeg

FEW = settings(max_examples=max(30, settings().max_examples // 2))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(tmp_path_factory.mktemp("gateway"), capture={"max_captures_per_user": 1000}) as gateway:
        yield gateway
        gateway.serves()


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20)
    | st.sampled_from(["capture.open", "../..", "\0", "{a3cp}", "2026-01-31T12:00:00Z", "0000-00-00T00:00:00Z", 1e308]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
FIELDS = [
    "schema_version", "record_id", "user_id", "session_id", "timestamp", "event", "capture_id", "timestamp_start",
    "fps_target", "width", "height", "encoding", "seq", "timestamp_frame", "byte_length", "timestamp_end", "modality",
    "source", "performer_id", "annotation", "progress", "device_id", "consent_given", "is_demo", "anything",
]  # fmt: skip
changes = st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=2)
kinds = st.sampled_from(["open", "meta", "bytes", "close", "text", "damaged"])


def step(client: Client, kind: str, seq: int, change: dict[str, Any], text: str, steps: Any) -> tuple[int, bytes]:
    """One message: an opcode and a payload."""
    match kind:
        case "bytes":
            return 2, jpeg()
        case "damaged":
            return 2, damaged(jpeg(), steps)
        case "text":
            return 1, text.encode(errors="surrogatepass")
        case _:
            text = {"open": client.open, "meta": lambda: client.meta(seq), "close": client.close}[kind]()  # type: ignore[operator]
            return 1, orjson.dumps(orjson.loads(text) | {k: v for k, v in change.items() if _is_json(v)})


def _is_json(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


def assert_ended_well(code: int, reason: str, *, at_the_socket: bool = False) -> None:
    assert code in CONTRACT_CLOSES | (RFC_CLOSES if at_the_socket else set()), (code, reason)
    if code in CONTRACT_CLOSES:
        assert reason in CAPTURE_CODES or (code, reason) == (1000, "")


messages = st.lists(st.tuples(kinds, changes, st.text(max_size=30), damage), min_size=1, max_size=6)


@FEW
@given(messages=messages, opens=st.booleans())
def test_any_messages_end_with_a_code_of_the_contract(gateway: Attacked, messages: Any, opens: bool) -> None:
    client = Client(capture_id=str(uuid.uuid4()))
    with gateway.raw() as one:
        if opens:
            one.text(client.open())
            one.text(client.meta(1))
            one.send(2, jpeg())
        for seq, (kind, change, text, steps) in enumerate(messages, start=2):
            one.send(*step(client, kind, seq, change, text, steps))
        one.text("that is all")
        code, reason = one.closed()
    assert_ended_well(code, reason)
    gateway.until_nothing_is_open()


@pytest.mark.parametrize("name", list(HOSTILE))
def test_a_hostile_jpeg_closes_the_socket_as_the_header_check_decides(gateway: Attacked, name: str) -> None:
    client, hostile = Client(capture_id=str(uuid.uuid4())), HOSTILE[name]
    with gateway.raw() as one:
        one.text(client.open(width=640, height=480))
        one.text(client.meta(1, len(hostile.jpeg)))
        one.send(2, hostile.jpeg)
        one.text(client.close())
        expected = "limit_frame_bytes_exceeded" if len(hostile.jpeg) > 300_000 else hostile.gateway
        assert one.closed() == (1000, "" if expected == "taken" else expected)


FRAGMENTS = frame(1, b'{"event":', fin=False) + frame(0, b'"capture.open"}')
NOT_WEBSOCKET = {
    "compressed, without an offer": (frame(1, b"{}", rsv=4), {1002}),
    "reserved bits": (frame(1, b"{}", rsv=3), {1002}),
    "a reserved opcode": (frame(3, b"{}"), {1002}),
    "not masked": (frame(1, b"{}", masked=False), {1002}),
    "bad UTF-8": (frame(1, b'{"\xff\xfe"}'), {1007}),
    "half a character": (frame(1, "é".encode()[:1]), {1007}),
    "a surrogate": (frame(1, b'{"a":"\xed\xa0\x80"}'), {1007}),
    "bad UTF-8 over two fragments": (frame(1, b"\xc3", fin=False) + frame(0, b"\x28"), {1007}),
    "an end without a beginning": (frame(0, b"{}"), {1002}),
    "a beginning within another": (frame(1, b"{", fin=False) + frame(1, b"{}"), {1002}),
    "a long ping": (frame(9, bytes(126)), {1002}),
    "a ping in fragments": (frame(9, b"", fin=False), {1002}),
    "a message longer than any": (frame(2, bytes(16 * 1024 * 1024 + 1)), {1000, 1008, 1009}),
    "an announced length beyond all bounds": (b"\x82\xff" + b"\x7f" + b"\xff" * 7 + bytes(4), {1002, 1008, 1009}),
    "an invalid close code": (frame(8, b"\x00\x01"), {1002}),
    "a close of one byte": (frame(8, b"\x03"), {1002}),
    "a message in fragments": (FRAGMENTS, {1008}),
    "ten thousand empty fragments": (frame(1, b"", fin=False) + frame(0, b"", fin=False) * 10_000 + frame(0), {1003}),
    "text that is too long": (frame(1, b"[" * 100_000), {1008}),
    "deep text": (frame(1, b"[" * 60_000), {1003}),
    "deep objects": (frame(1, b'{"a":' * 9000), {1003}),
    "a number without end": (frame(1, b'{"seq":' + b"9" * 60_000 + b"}"), {1003, 1008}),
    "NUL": (frame(1, b"\0" * 100), {1003}),
    "nothing": (frame(1, b""), {1003}),
}


@pytest.mark.parametrize("name", list(NOT_WEBSOCKET))
@pytest.mark.parametrize("opened", [False, True])
def test_an_invalid_message_closes_the_socket_with_its_code(gateway: Attacked, name: str, opened: bool) -> None:
    sent, codes = NOT_WEBSOCKET[name]
    with gateway.raw() as one:
        if opened:
            one.text(Client(capture_id=str(uuid.uuid4())).open())
        one.write(sent)
        code, reason = one.closed()
        assert code in codes, (code, reason)
        assert_ended_well(code, reason, at_the_socket=True)
    gateway.until_nothing_is_open()


@FEW
@given(sent=st.binary(min_size=1, max_size=200), opened=st.booleans())
def test_any_bytes_on_the_socket_close_it_or_wait_for_more(gateway: Attacked, sent: bytes, opened: bool) -> None:
    with gateway.raw() as one:
        if opened:
            one.text(Client(capture_id=str(uuid.uuid4())).open())
        one.write(sent)
        one.write(frame(8, b"\x03\xe8") * 60)  # ends any message that was begun
        code, reason = one.closed()
    assert code in CONTRACT_CLOSES | RFC_CLOSES | {1005, 1006}, (code, reason)
    gateway.until_nothing_is_open()


def test_an_offer_of_compression_is_declined(gateway: Attacked) -> None:
    with gateway.raw(headers="Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n") as one:
        assert one.status == 101
        assert b"extensions" not in one.head.lower()
        one.send(1, b"\x00\x00\x00\xff\xff", rsv=4)
        assert one.closed()[0] == 1002


PATHS = [
    "/camera_feed_worker/capt\xffure",
    "/camera_feed_worker/capture/../ws",
    "//camera_feed_worker/ws",
    "/%00",
    "/%ff",
]


@pytest.mark.parametrize("path", PATHS)
def test_handshake_at_a_strange_path_is_refused(gateway: Attacked, path: str) -> None:
    with gateway.raw(path) as one:
        assert one.status in (400, 404) or one.head == b""
    gateway.serves()
