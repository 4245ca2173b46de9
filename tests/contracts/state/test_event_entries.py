"""Which entries of the event stream may go into a session's log."""

from __future__ import annotations

from uuid import uuid4

import pytest

from contracts.rules.errors import InvalidEvent
from contracts.state.event_entries import read_entry

SESSION = "sess_0123456789abcdef"


def fields(event: bytes, /, **changes: bytes | None) -> dict[bytes, bytes]:
    given: dict[str, bytes | None] = {
        "event": event,
        "user_id": b"u1",
        "session_id": SESSION.encode(),
        "record_id": str(uuid4()).encode(),
        **changes,
    }
    return {name.encode(): value for name, value in given.items() if value is not None}


def own(more: bytes = b"") -> bytes:
    return b'{"user_id":"u1","session_id":"' + SESSION.encode() + b'"' + more + b"}"


@pytest.mark.parametrize(
    "tokens",
    [
        b',"b":1,"a":2',
        b',"x":1.0,"y":1e5,"z":1E+05,"zero":-0.0',
        b',"big":123456789012345678901234567890123456789',
        b',"huge":1e400,"tiny":1e-400',
        b',"s":"\\u00e9\\/\\n\\ud83d\\ude00"',
        ',"s":"é \u2028 \x7f"'.encode(),
        b',"deep":[[[{"a":[]}]]],"empty":{}',
        b',"timestamp":"2026-01-31T12:00:00+01:00"',
        b',"inside":"a  b: , {x}"',
    ],
)
def test_the_event_is_preserved_byte_for_byte(tokens: bytes) -> None:
    assert read_entry(fields(own(tokens))).event == own(tokens)


def test_only_whitespace_between_tokens_goes_so_that_the_event_is_one_line() -> None:
    spaced = b'{\n  "user_id" : "u1",\r\n\t"session_id": "' + SESSION.encode() + b'", "x": [1.0 , 2] }\n'
    assert read_entry(fields(spaced)).event == own(b',"x":[1.0,2]')


def test_numbers_too_long_for_python_are_numbers_still() -> None:
    tokens = b',"n":' + b"9" * 10_000
    assert read_entry(fields(own(tokens))).event == own(tokens)


@pytest.mark.parametrize("field", ["event", "user_id", "session_id", "record_id"])
def test_an_entry_without_a_field_is_poison(field: str) -> None:
    with pytest.raises(InvalidEvent, match=field):
        read_entry(fields(own(), **{field: None}))


@pytest.mark.parametrize(
    "event",
    [
        b"",
        b"not json",
        b"[]",
        b'"text"',
        b"null",
        b"{",
        own() + own(),
        b"\xff\xfe",
        b'{"a":"\xff"}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":"line\nbreak"}',
        b"[" * 200_000,
        b"\xef\xbb\xbf" + own(),
    ],
)
def test_an_event_that_is_not_a_json_object_is_poison(event: bytes) -> None:
    with pytest.raises(InvalidEvent, match="not a JSON object"):
        read_entry(fields(event))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("user_id", b"../etc"),
        ("user_id", b""),
        ("user_id", b"u\xff"),
        ("session_id", b"sess_XYZ"),
        ("session_id", b"../../x"),
        ("record_id", b"1"),
        ("capture_id", b"a/b"),
    ],
)
def test_an_invalid_id_is_poison(field: str, value: bytes) -> None:
    with pytest.raises(InvalidEvent):
        read_entry(fields(own(), **{field: value}))


@pytest.mark.parametrize(
    "event",
    [
        b'{"user_id":"u2","session_id":"' + SESSION.encode() + b'"}',
        b'{"user_id":"u1","session_id":"sess_ffffffffffffffff"}',
        b'{"user_id":"u1"}',
        b'{"session_id":"' + SESSION.encode() + b'"}',
        b'{"user_id":1,"session_id":"' + SESSION.encode() + b'"}',
    ],
)
def test_an_event_of_another_user_or_session_than_its_entry_is_poison(event: bytes) -> None:
    with pytest.raises(InvalidEvent, match="own"):
        read_entry(fields(event))
