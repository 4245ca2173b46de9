"""A frame entry reads back as it was written, and a broken entry is an error."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.broker.shared_connection import bulk
from contracts.rules.ids import format_utc
from contracts.rules.limits import CaptureLimits
from contracts.state.frame import (
    PUSH_CHANGES,
    ForwardItem,
    TerminalEntry,
    decode_entry,
    is_taken,
    push_changes,
    push_frame,
    read_push_reply,
)

START = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)


def item(payload: bytes = b"\xff\xd8jpeg\xff\xd9", seq: int = 1) -> ForwardItem:
    return ForwardItem("capture-1", seq, START, payload, "jpeg", 640, 480, "user-1", "sess_0123456789abcdef")


def fields_of(entry: ForwardItem | TerminalEntry) -> dict[bytes, bytes]:
    """The entry as a client reads it: names and values as bytes."""
    flat = [value.encode() if isinstance(value, str) else value for value in entry.encode()]
    return dict(zip(flat[::2], flat[1::2], strict=True))


@given(st.binary(max_size=2000), st.integers(1, 2**53 - 1))
def test_a_frame_reads_back_as_it_was_written(payload: bytes, seq: int) -> None:
    assert decode_entry(fields_of(item(payload, seq))) == item(payload, seq)


def test_a_frame_entry_has_the_fields_of_the_contract_and_only_its_payload_is_binary() -> None:
    encoded = item().encode()
    assert encoded[::2] == [
        "capture_id", "seq", "timestamp_frame", "payload", "byte_length", "encoding", "width", "height", "user_id",
        "session_id",
    ]  # fmt: skip
    assert [name for name, value in zip(encoded[::2], encoded[1::2], strict=True) if isinstance(value, bytes)] == [
        "payload"
    ]
    assert fields_of(item())[b"timestamp_frame"] == b"2026-01-31T12:00:00.123Z"


@pytest.mark.parametrize(
    "entry",
    [
        TerminalEntry("close", timestamp_end=START),
        TerminalEntry("abort", error_code="client_disconnected"),
    ],
)
def test_a_terminal_entry_reads_back_as_it_was_written(entry: TerminalEntry) -> None:
    assert decode_entry(fields_of(entry)) == entry


@pytest.mark.parametrize("seq", [1, 12])
def test_all_arguments_of_a_push_that_differ_between_frames_are_its_changes(seq: int) -> None:
    limits = CaptureLimits()
    later = item(bytes(5_000), seq)._replace(timestamp_frame=START + timedelta(seconds=seq))
    arguments = [
        value if isinstance(value, bytes) else bulk(str(value)) for value in push_frame(item(), limits).arguments
    ]
    before, payload, after = push_changes(later, format_utc(later.timestamp_frame))
    for place, value in zip(PUSH_CHANGES, [*before, payload, *after], strict=True):
        arguments[place] = value
    assert arguments == [
        value if isinstance(value, bytes) else bulk(str(value)) for value in push_frame(later, limits).arguments
    ]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([b"OK", 1, 2, 3, 1], True),
        *(([word, 1, 2, 3, None], False) for word in (b"FULL", b"CONFLICT")),
        ([b"GONE", b"session_closed"], False),
    ],
)
def test_a_plain_success_is_one_for_the_complete_reader_too(answer: list[object], expected: bool) -> None:
    assert is_taken(answer) is read_push_reply(answer).taken is expected


@pytest.mark.parametrize("answer", [None, b"OK", [], [b"OK"], [b"OK", 1, 2], ConnectionError("OK")])
def test_an_answer_of_another_form_is_no_success(answer: object) -> None:
    assert not is_taken(answer)


def test_a_frame_whose_length_is_not_its_payloads_is_refused() -> None:
    with pytest.raises(ValueError, match="byte_length is 3, the payload has 4 bytes"):
        decode_entry({**fields_of(item(b"four")), b"byte_length": b"3"})


@pytest.mark.parametrize("field", list(item().encode()[::2]))
def test_a_frame_entry_without_a_field_is_refused_by_name(field: str) -> None:
    fields = fields_of(item())
    del fields[field.encode()]
    with pytest.raises(ValueError, match=f"the entry has no field {field}"):
        decode_entry(fields)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seq", b"one"), ("seq", b""), ("byte_length", b"1.0"), ("byte_length", b"7"), ("width", b"x"), ("height", b""),
        ("timestamp_frame", b"yesterday"), ("timestamp_frame", b"\xff"), ("capture_id", b"\xff\xfe"), ("user_id",
         b"\xff"),
        ("payload", b"other length"),
    ],
)  # fmt: skip
def test_a_frame_entry_with_a_broken_field_is_a_value_error(field: str, value: bytes) -> None:
    with pytest.raises(ValueError):
        decode_entry({**fields_of(item()), field.encode(): value})


@pytest.mark.parametrize(
    "fields",
    [
        {b"event": b"close"},
        {b"event": b"close", b"timestamp_end": b"soon"},
        {b"event": b"pause"},
        {b"event": b""},
        {b"event": b"abort", b"error_code": b"\xff"},
        {},
    ],
)
def test_a_broken_terminal_entry_is_a_value_error(fields: dict[bytes, bytes]) -> None:
    with pytest.raises(ValueError):
        decode_entry(fields)


def test_no_text_of_a_frame_shows_its_payload() -> None:
    frame = item(b"\xff\xd8secret-pixels\xff\xd9")
    for text in (repr(frame), str(frame), f"{frame}", repr([frame]), repr((frame,))):
        assert "secret" not in text
        assert "payload" not in text
    assert "seq=1" in repr(frame)
    assert "byte_length=17" in repr(frame)


def test_a_frame_is_not_changed_on_its_way() -> None:
    with pytest.raises(AttributeError):
        item().seq = 2  # type: ignore[misc]
