"""Which entries may go into a session's log, and which sessions wait because their log cannot be written."""

from __future__ import annotations

from uuid import uuid4

import pytest

from contracts.rules.errors import InvalidEvent, RecorderIOError
from recorder.admission import BlockedSessions, read_entry

SESSION = "sess_0123456789abcdef"
HERE, THERE = ("u1", "sess_0000000000000001"), ("u1", "sess_0000000000000002")
ERROR = RecorderIOError("no")


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


def test_a_failed_session_waits_and_others_do_not() -> None:
    blocked = BlockedSessions()
    blocked.failed(HERE, ERROR, 100.0)
    assert blocked.reason(HERE) is ERROR
    assert blocked.reason(THERE) is None


def test_a_blocked_session_opens_only_when_its_time_has_come() -> None:
    blocked = BlockedSessions()
    blocked.failed(HERE, ERROR, 100.0)
    blocked.reopen(100.05)
    assert blocked.reason(HERE) is ERROR, "the retry is not due yet"
    blocked.reopen(100.2)
    assert blocked.reason(HERE) is None


def test_each_failure_in_a_row_waits_longer_and_a_success_ends_the_row() -> None:
    blocked = BlockedSessions()
    waits = []
    for _ in range(4):
        blocked.failed(HERE, ERROR, 100.0)
        retry_s = blocked.next_retry_s()
        assert retry_s is not None
        waits.append(retry_s - 100.0)
        blocked.reopen(1000.0)
    assert waits == sorted(waits) and waits[0] < waits[-1]
    blocked.succeeded(HERE)
    blocked.failed(HERE, ERROR, 100.0)
    assert blocked.next_retry_s() == 100.0 + waits[0]


def test_the_next_retry_is_the_earliest_and_none_if_nothing_waits() -> None:
    blocked = BlockedSessions()
    assert blocked.next_retry_s() is None
    blocked.failed(HERE, ERROR, 100.0)
    blocked.failed(THERE, ERROR, 50.0)
    assert blocked.next_retry_s() == 50.1
    blocked.reopen(60.0)
    assert blocked.next_retry_s() == 100.1


def test_a_new_event_brings_a_session_s_retry_forward_once() -> None:
    blocked = BlockedSessions()
    for _ in range(8):
        blocked.failed(HERE, ERROR, 100.0)
    blocked.hurry(HERE, 100.1)
    assert blocked.next_retry_s() == 100.5
    blocked.hurry(HERE, 103.0)
    assert blocked.next_retry_s() == 100.5
    blocked.hurry(THERE, 100.0)  # not blocked, so this changes nothing
