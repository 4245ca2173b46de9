"""Events keep every token and fill one line each; a receipt reads back as the recorder wrote it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import fakeredis
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.broker import keys
from contracts.messages.event import A3CPMessage
from contracts.rules.errors import (
    EventTooLarge,
    InvalidEvent,
    MissingSessionPath,
    RecorderError,
    RecorderIOError,
)
from contracts.state.events import (
    EventEntry,
    Receipt,
    append_event,
    await_receipt,
    compact_json,
    encode_line,
    event_bytes,
    is_by_client,
    split_line,
    uses_our_names,
)
from tests.contracts import samples

TIME = "2026-01-31T12:00:00.000Z"
MAX = 512 * 1024

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)


def spread(document: Any, separators: tuple[str, str], indent: int | None, ascii_only: bool) -> str:
    return json.dumps(document, separators=separators, indent=indent, ensure_ascii=ascii_only)


@given(
    documents,
    st.sampled_from([(" , ", " : "), (",\r\n\t", ":\n"), (", ", ": ")]),
    st.sampled_from([None, 0, 3]),
    st.booleans(),
)
def test_compacting_removes_the_whitespace_between_tokens_and_nothing_else(
    document: Any, separators: tuple[str, str], indent: int | None, ascii_only: bool
) -> None:
    text = spread(document, separators, indent, ascii_only).encode("utf-8", "surrogatepass")
    compact = json.dumps(document, separators=(",", ":"), ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert compact_json(b" \n" + text + b"\r\n\t ") == compact


@pytest.mark.parametrize(
    "text",
    [
        b'{"b":1.0,"a":1.10,"c":-0.0,"d":1E+5,"e":100000000000000000000000,"f":1e400}',
        b'{"a":1,"a":2}',
        b'{"a":"\\u00e9\\/\\n\\"  two  spaces \\\\"}',
        b'["\\\\","\\\\\\""," { , : } "]',
        '{"ü":"\u2028\u00a0"}'.encode(),
        b'""',
        b"1.50",
        b"null",
    ],
)
def test_number_and_string_tokens_duplicates_and_key_order_are_verbatim(text: bytes) -> None:
    assert compact_json(text) == text
    assert compact_json(b"\n " + text + b"\t\r\n") == text


def test_a_compacted_event_is_one_line_however_it_was_written() -> None:
    pretty = json.dumps({"note": "line\nbreak", "list": [1, {"a": None}]}, indent=4).encode()
    assert b"\n" not in compact_json(pretty)
    assert orjson.loads(compact_json(pretty)) == orjson.loads(pretty)


def test_an_event_as_large_as_the_limit_is_compacted() -> None:
    text = b'{"a":"' + b"\\u00e9" * (MAX // 6) + b'", "b":"' + b"x" * MAX + b'"}'
    assert len(compact_json(text)) == len(text) - 1


def test_a_message_leaves_out_unset_fields_and_keeps_unknown_ones() -> None:
    message = A3CPMessage.model_validate({**samples.base(), "performer_id": None, "extra": {"z": 1, "a": 2.5}})
    written = orjson.loads(event_bytes(message))
    assert "performer_id" not in written
    assert list(written["extra"].items()) == [("z", 1), ("a", 2.5)]
    assert written["timestamp"] == samples.TIME


@given(documents.map(lambda document: json.dumps({"event": document}, separators=(",", ":")).encode()))
def test_a_line_splits_into_its_time_and_its_event(event: bytes) -> None:
    line = encode_line(event, TIME, 10**9)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert orjson.loads(line) == {"recorded_at": TIME, "event": orjson.loads(event)}
    assert split_line(line) == (TIME, event)
    assert not is_by_client(line)
    by_client = encode_line(event, TIME, 10**9, by_client=True)
    assert orjson.loads(by_client) == {**orjson.loads(line), "by": "client"}
    assert split_line(by_client) == (TIME, event)
    assert is_by_client(by_client)


@pytest.mark.parametrize("text", ['","by":"client"}', ',"by":"client"}\n', "}}", '"by":"client"'])
def test_no_text_in_an_event_sets_or_hides_the_mark_of_a_client_s_line(text: str) -> None:
    for event in (orjson.dumps({"note": text}), orjson.dumps({text: 1, "by": "client"}), b'{"a":{"by":"client"}}'):
        for by_client in (False, True):
            line = encode_line(event, TIME, 10**9, by_client=by_client)
            assert (is_by_client(line), split_line(line)) == (by_client, (TIME, event))


@pytest.mark.parametrize(
    "fields",
    [
        {"event": "session.start"}, {"event": "session.end", "source": "x"}, {"source": "session_manager"},
        {"source": "landmark_extractor"}, {"source": "library"}, {"event": "capture.relabelled"},
        {"event": "consent.withdrawn"}, {"raw_features_ref": None}, {"raw_features_ref": {}, "source": "x"},
    ],
)  # fmt: skip
def test_an_event_with_a_name_of_the_pipeline_is_recognized(fields: dict[str, Any]) -> None:
    assert uses_our_names({"user_id": "u", **fields})


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"event": "note"},
        {"event": None},
        {"event": ["session.start"]},
        {"source": 1},
        {"source": []},
        {"event": "capture.source", "source": "ingest"},
        {"event": {}},
    ],
)
def test_any_other_event_is_a_client_s_own(fields: dict[str, Any]) -> None:
    assert not uses_our_names(fields)


@pytest.mark.parametrize(
    "line",
    [
        b"", b"\n", b"{}\n", b'{"recorded_at":"', b'{"recorded_at":"2026-01-31T12:00:00.000Z","event":{}}',
        b'{"recorded_at": "2026-01-31T12:00:00.000Z","event":{}}\n',
        b'{"recorded_at":"2026-01-31T12:00:00Z","event":{}}\n',
        b'{"recorded_at":"2026-01-31T12:00:99.000Z","event":{}}\n',
        b'{"recorded_at":"xxxxxxxxxxxxxxxxxxxxxxxx","event":{}}\n',
        b'{"recorded_at":"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff","event":{}}\n',
        b'{"event":{},"recorded_at":"2026-01-31T12:00:00.000Z"}\n',
    ],
)  # fmt: skip
def test_a_line_in_another_form_is_not_split(line: bytes) -> None:
    assert split_line(line) is None


def test_a_line_may_be_exactly_as_long_as_allowed_newline_included() -> None:
    event = b'{"a":1}'
    length = len(encode_line(event, TIME, MAX))
    assert len(encode_line(event, TIME, length)) == length
    with pytest.raises(EventTooLarge, match=f"{length} bytes, {length - 1} are allowed"):
        encode_line(event, TIME, length - 1)


def test_an_event_entry_reads_back_as_it_was_written() -> None:
    for entry in (
        EventEntry(b"{}", "u", "s", "r"),
        EventEntry(b"\xff{}", "u", "s", "r", "c"),
        EventEntry(b"{}", "u", "s", "r", by_client=True),
    ):
        fields = {
            name.encode(): value.encode() if isinstance(value, str) else value for name, value in entry.encode().items()
        }
        assert EventEntry.decode(fields) == entry
        assert (b"capture_id" in fields) == bool(entry.capture_id)


@pytest.mark.parametrize("field", ["event", "user_id", "session_id", "record_id"])
def test_an_event_entry_without_a_field_is_refused_by_name(field: str) -> None:
    fields = {b"event": b"{}", b"user_id": b"u", b"session_id": b"s", b"record_id": b"r"}
    del fields[field.encode()]
    with pytest.raises(ValueError, match=f"the entry has no field {field}"):
        EventEntry.decode(fields)
    with pytest.raises(ValueError):
        EventEntry.decode({**fields, field.encode(): b"x", b"user_id": b"\xff"})


@pytest.mark.parametrize("receipt", [Receipt(recorded_at=TIME), Receipt(error="event_too_large", detail="too large")])
def test_a_receipt_reads_back_as_it_was_written(receipt: Receipt) -> None:
    assert Receipt.decode(receipt.encode()) == receipt


@pytest.mark.parametrize("kind", [MissingSessionPath, EventTooLarge, InvalidEvent, RecorderIOError])
def test_a_receipt_of_a_failure_raises_the_recorder_s_error(kind: type[RecorderError]) -> None:
    with pytest.raises(kind, match="the detail") as caught:
        Receipt(error=kind.code, detail="the detail").recorded()
    assert type(caught.value) is kind


def test_a_receipt_with_an_unknown_code_is_still_a_recorder_error() -> None:
    with pytest.raises(RecorderError):
        Receipt(error="from_the_future", detail="?").recorded()


def test_a_receipt_of_a_success_has_the_time_of_the_line() -> None:
    assert Receipt(recorded_at=TIME).recorded() == TIME


async def test_an_appended_event_is_on_the_stream_and_its_receipt_is_awaited() -> None:
    broker = fakeredis.FakeAsyncRedis()
    entry = EventEntry(b'{"a":1}', "u", "sess_0123456789abcdef", "r")
    entry_id = await append_event(broker, entry)
    [(read_id, fields)] = await broker.xrange(keys.EVENTS)
    assert (read_id.decode(), EventEntry.decode(fields)) == (entry_id, entry)
    assert await await_receipt(broker, entry_id, timeout_s=0) is None
    waiting = asyncio.create_task(await_receipt(broker, entry_id, timeout_s=30))
    await broker.set(keys.receipt(entry_id), Receipt(recorded_at=TIME).encode())
    assert await waiting == Receipt(recorded_at=TIME)
    await broker.aclose()
